// Arrays for NumPy: an .npz file, which is a ZIP archive of .npy files.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace credo::suite {

/// A matrix of doubles, row by row.
struct NamedMatrix {
  std::string name;  ///< numpy.load(FILE)[name]
  std::size_t n_rows = 0, n_columns = 0;
  std::vector<double> values;
};

/// The bytes of the archive: members are stored without compression, NAME.npy in version 1.0 of the
/// format, little-endian float64 in C order, dated 1980-01-01, so equal matrices give equal bytes.
/// `comment` becomes the archive's, which numpy.load ignores.
/// Errors: Error when a name or the comment is longer than 65,535 bytes, or the whole than 4 GiB.
std::string npz_bytes(const std::vector<NamedMatrix>& matrices, std::string_view comment = "");

}  // namespace credo::suite

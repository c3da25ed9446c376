#include "suite/common/npz.hpp"

#include <bit>
#include <boost/crc.hpp>
#include <concepts>
#include <cstdint>
#include <fmt/format.h>
#include <limits>

#include "envs/core/error.hpp"

namespace credo::suite {
namespace {

// ZIP (APPNOTE.TXT 4.3): signatures, the version needed to read stored members, 1980-01-01.
constexpr std::uint32_t kLocalHeader = 0x04034b50;
constexpr std::uint32_t kCentralHeader = 0x02014b50;
constexpr std::uint32_t kEndOfDirectory = 0x06054b50;
constexpr std::uint16_t kZipVersion = 20;
constexpr std::uint16_t kFirstDay = 1U << 5U | 1U;
// NumPy pads the header of a .npy file so that data begin at a multiple of this.
constexpr std::size_t kNpyAlignment = 64;

template <std::unsigned_integral T>
void put(std::string& out, T value) {
  for (std::size_t byte = 0; byte < sizeof(T); ++byte)
    out += static_cast<char>(static_cast<unsigned char>(value >> (8 * byte)));
}

template <std::unsigned_integral T>
T narrow(std::size_t size, const char* what) {
  CREDO_CHECK(size <= std::numeric_limits<T>::max(), fmt::format("{} is too long for a ZIP", what));
  return static_cast<T>(size);
}

std::string npy_bytes(const NamedMatrix& matrix) {
  CREDO_CHECK(matrix.values.size() == matrix.n_rows * matrix.n_columns,
              matrix.name + ": the number of values is not that of the shape");
  std::string header =
      fmt::format("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, {}), }}", matrix.n_rows,
                  matrix.n_columns);
  constexpr std::size_t kPrelude = 10;  // magic, version, length
  while ((kPrelude + header.size() + 1) % kNpyAlignment != 0) header += ' ';
  header += '\n';
  std::string out = "\x93NUMPY";
  out += '\x01';
  out += '\x00';
  put(out, narrow<std::uint16_t>(header.size(), "a header"));
  out += header;
  for (const double value : matrix.values) put(out, std::bit_cast<std::uint64_t>(value));
  return out;
}

// What the local and the central header of a member have in common.
void put_member(std::string& out, const std::string& name, const std::string& data) {
  boost::crc_32_type crc;
  crc.process_bytes(data.data(), data.size());
  put(out, kZipVersion);
  put(out, std::uint16_t{0});  // flags
  put(out, std::uint16_t{0});  // stored
  put(out, std::uint16_t{0});  // midnight
  put(out, kFirstDay);
  put(out, static_cast<std::uint32_t>(crc.checksum()));
  put(out, narrow<std::uint32_t>(data.size(), "a matrix"));
  put(out, narrow<std::uint32_t>(data.size(), "a matrix"));
  put(out, narrow<std::uint16_t>(name.size(), "a name"));
  put(out, std::uint16_t{0});  // extra field
}

}  // namespace

std::string npz_bytes(const std::vector<NamedMatrix>& matrices, std::string_view comment) {
  std::string out;
  std::string directory;
  for (const NamedMatrix& matrix : matrices) {
    const std::string name = matrix.name + ".npy";
    const std::string data = npy_bytes(matrix);
    put(directory, kCentralHeader);
    put(directory, kZipVersion);  // made by
    put_member(directory, name, data);
    put(directory, std::uint16_t{0});  // comment
    put(directory, std::uint16_t{0});  // disk
    put(directory, std::uint16_t{0});  // internal attributes
    put(directory, std::uint32_t{0});  // external attributes
    put(directory, narrow<std::uint32_t>(out.size(), "the archive"));
    directory += name;
    put(out, kLocalHeader);
    put_member(out, name, data);
    out += name + data;
  }
  const auto start = narrow<std::uint32_t>(out.size(), "the archive");
  const auto n_members = narrow<std::uint16_t>(matrices.size(), "the list of members");
  out += directory;
  put(out, kEndOfDirectory);
  put(out, std::uint16_t{0});  // this disk
  put(out, std::uint16_t{0});  // the directory's disk
  put(out, n_members);
  put(out, n_members);
  put(out, narrow<std::uint32_t>(directory.size(), "the directory"));
  put(out, start);
  put(out, narrow<std::uint16_t>(comment.size(), "the comment"));
  return out + std::string(comment);
}

}  // namespace credo::suite

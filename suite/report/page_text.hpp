// The files of suite/report/page, part of the program.
#pragma once

#include <string_view>

namespace credo::suite {

/// The skeleton, with {{title}}, {{style}}, {{data}} and {{script}}.
extern const std::string_view kPageHtml;
extern const std::string_view kPageStyle;
extern const std::string_view kPageScript;

}  // namespace credo::suite

// The credo program: everything happens in suite/cli.
#include <string>
#include <vector>

#include "suite/cli/cli.hpp"

int main(int argc, char** argv) {
  return credo::suite::run_cli(std::vector<std::string>(argv + (argc > 0 ? 1 : 0), argv + argc));
}

// Shared by the tests of weights/ against Python's libraries (scripts/make-test-python).
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"

namespace mathcoder::weights::testing {

inline std::filesystem::path Python() {
  if (const char* set = std::getenv("MATHCODER_TEST_PYTHON")) return set;
  const char* deps = std::getenv("MATHCODER_DEPS");
  return (deps != nullptr ? std::filesystem::path(deps) : std::filesystem::path(MATHCODER_SOURCE_DIR) / "build/deps") /
         "python-test/bin/python3";
}

// Runs a script of this folder; its messages on failure, else nothing.
inline std::string RunPython(const std::string& script, const std::vector<std::string>& arguments,
                             const std::filesystem::path& log) {
  std::string command = "HF_HUB_OFFLINE=1 TOKENIZERS_PARALLELISM=true '" + Python().string() +
                        "' -I '" MATHCODER_SOURCE_DIR "/tests/weights_reference/" + script + "'";
  for (const std::string& argument : arguments) command += " '" + argument + "'";
  command += " >'" + log.string() + "' 2>&1";
  return std::system(command.c_str()) == 0 ? "" : script + " failed: " + base::ReadFile(log);
}

}  // namespace mathcoder::weights::testing

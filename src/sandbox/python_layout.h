// Where a library set's Python keeps its parts on this machine, and where the jail shows them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/json.h"

namespace mathcoder::sandbox {

struct PythonLayout {
  std::filesystem::path executable;                 // the real file, links followed
  std::string version;                              // "3.11"
  std::string full_version;                         // "3.11.2"
  std::filesystem::path standard_library;           // .../lib/python3.11
  std::vector<std::filesystem::path> sites;         // what the set adds to sys.path
  std::vector<std::filesystem::path> library_dirs;  // of the shared libraries that Python has loaded, outside of the above
  std::filesystem::path loader;                     // ELF interpreter, as the executable names it; empty for a static one
  std::filesystem::path matplotlib;                 // the set's font list; empty where there is none
};

base::Json ToJson(const PythonLayout& layout);
PythonLayout PythonLayoutFromJson(const base::Json& json);

// `library_set` as in SandboxOptions. Runs the interpreter once (about 20 ms). Throws base::Unavailable: no such set and how to
// make it, or an interpreter that does not run.
PythonLayout FindPython(const std::string& library_set);

// Paths inside the jail.
inline constexpr const char* kJailPython = "/python";  // bin/python3, lib/pythonX.Y, site-packages[-N]
inline constexpr const char* kJailLibrary = "/python/libmathcoder_jail.so";
inline constexpr const char* kJailWork = "/work";
std::string JailSite(std::size_t index);

}  // namespace mathcoder::sandbox

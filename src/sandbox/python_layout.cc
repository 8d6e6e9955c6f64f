#include "sandbox/python_layout.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <set>

#include "base/error.h"
#include "base/paths.h"
#include "base/unique_fd.h"

namespace mathcoder::sandbox {
namespace {

namespace fs = std::filesystem;

// Prints "key<TAB>value" lines. The imports load the libraries that extension modules of the set may want as well.
constexpr const char* kProbe = R"(
import sys, os, sysconfig
import ctypes, zlib, math, _decimal, select, _socket
out = []
def say(key, value): out.append(key + '\t' + value)
say('executable', os.path.realpath(getattr(sys, '_base_executable', sys.executable)))
say('version', '%d.%d' % sys.version_info[:2])
say('full', '%d.%d.%d' % sys.version_info[:3])
standard = os.path.dirname(os.path.realpath(os.__file__))
say('standard', standard)
prefix = os.path.realpath(sys.prefix)
for entry in sys.path:
    real = os.path.realpath(entry)
    if entry and os.path.isdir(entry) and real != standard and not real.startswith(standard + '/lib-dynload'):
        say('site', real)
say('prefix', prefix)
for line in open('/proc/self/maps'):
    path = line.rstrip('\n').partition('/')[2]
    if path and '.so' in path:
        say('library', '/' + path)
with open(sys.executable, 'rb') as f:
    head = f.read(4096)
at = head.find(b'/ld-')
if at > 0:
    start = head.rfind(b'\0', 0, at) + 1
    say('loader', head[start:head.find(b'\0', at)].decode())
sys.stdout.write('\n'.join(out) + '\n')
)";

std::string RunProbe(const fs::path& python) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw base::Unavailable("cannot make a pipe to ask " + python.string() + " for its folders");
  const base::UniqueFd read_end(ends[0]);
  base::UniqueFd write_end(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDOUT_FILENO);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  const std::string name = python.string();
  // -I: neither the user's site-packages nor PYTHON* variables may move the layout.
  const char* arguments[] = {name.c_str(), "-I", "-B", "-c", kProbe, nullptr};
  const char* environment[] = {"LC_ALL=C.UTF-8", nullptr};
  pid_t pid = -1;
  const int failed =
      posix_spawn(&pid, name.c_str(), &actions, nullptr, const_cast<char**>(arguments), const_cast<char**>(environment));
  posix_spawn_file_actions_destroy(&actions);
  write_end.Reset();
  std::string output;
  if (failed == 0) {
    char buffer[4096];
    ssize_t n;
    while ((n = read(read_end.get(), buffer, sizeof buffer)) > 0 || (n < 0 && errno == EINTR)) {
      if (n > 0) output.append(buffer, static_cast<std::size_t>(n));
    }
    int status = 0;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) output.clear();
  }
  if (output.empty())
    throw base::Unavailable("the Python interpreter " + name + " of the jail does not run; try: " + name +
                            " -I -c 'import ctypes'");
  return output;
}

bool IsBelow(const fs::path& path, const fs::path& folder) {
  const std::string prefix = folder.string() + "/";
  return path.string().compare(0, prefix.size(), prefix) == 0;
}

}  // namespace

std::string JailSite(std::size_t index) {
  return std::string(kJailPython) + "/site-packages" + (index == 0 ? "" : "-" + std::to_string(index));
}

PythonLayout FindPython(const std::string& library_set) {
  fs::path python;
  if (library_set.find('/') != std::string::npos) {
    python = library_set;
    if (!fs::exists(python)) throw base::Unavailable("no Python interpreter at " + library_set);
  } else {
    const auto found = base::FindLibrarySet(library_set);
    if (!found)
      throw base::Unavailable("library set '" + library_set + "' of the jail is missing; make it: scripts/make-jail-python " +
                              library_set);
    python = *found;
  }
  const std::string output = RunProbe(fs::absolute(python));
  PythonLayout layout;
  fs::path prefix;
  std::vector<fs::path> libraries;
  for (std::size_t at = 0; at < output.size();) {
    const std::size_t end = output.find('\n', at);
    const std::string line = output.substr(at, end - at);
    at = end == std::string::npos ? output.size() : end + 1;
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    const std::string key = line.substr(0, tab);
    const std::string value = line.substr(tab + 1);
    if (key == "executable") layout.executable = value;
    if (key == "version") layout.version = value;
    if (key == "full") layout.full_version = value;
    if (key == "standard") layout.standard_library = value;
    if (key == "site") layout.sites.emplace_back(value);
    if (key == "prefix") prefix = value;
    if (key == "library") libraries.emplace_back(value);
    if (key == "loader") layout.loader = value;
  }
  std::set<fs::path> folders;
  for (const fs::path& library : libraries) {
    bool inside = IsBelow(library, layout.standard_library);
    for (const fs::path& site : layout.sites) inside = inside || IsBelow(library, site);
    if (!inside) folders.insert(library.parent_path());
  }
  layout.library_dirs.assign(folders.begin(), folders.end());
  if (!prefix.empty() && fs::is_directory(prefix / "matplotlib")) layout.matplotlib = prefix / "matplotlib";
  return layout;
}

base::Json ToJson(const PythonLayout& layout) {
  base::Json json;
  json["executable"] = layout.executable.string();
  json["version"] = layout.version;
  json["full_version"] = layout.full_version;
  json["standard_library"] = layout.standard_library.string();
  json["sites"] = base::Json::array();
  for (const auto& site : layout.sites) json["sites"].push_back(site.string());
  json["library_dirs"] = base::Json::array();
  for (const auto& folder : layout.library_dirs) json["library_dirs"].push_back(folder.string());
  json["loader"] = layout.loader.string();
  json["matplotlib"] = layout.matplotlib.string();
  return json;
}

PythonLayout PythonLayoutFromJson(const base::Json& json) {
  PythonLayout layout;
  layout.executable = json.at("executable").get<std::string>();
  layout.version = json.at("version").get<std::string>();
  layout.full_version = json.at("full_version").get<std::string>();
  layout.standard_library = json.at("standard_library").get<std::string>();
  for (const auto& site : json.at("sites")) layout.sites.emplace_back(site.get<std::string>());
  for (const auto& folder : json.at("library_dirs")) layout.library_dirs.emplace_back(folder.get<std::string>());
  layout.loader = json.at("loader").get<std::string>();
  layout.matplotlib = json.at("matplotlib").get<std::string>();
  return layout;
}

}  // namespace mathcoder::sandbox

#include "sandbox/daemon/rootfs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/unique_fd.h"

namespace mathcoder::sandbox {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void Fail(const std::string& step) { throw base::Error("jail root: " + step + ": " + std::strerror(errno)); }

struct Bind {
  base::UniqueFd tree;  // detached copy of the mount
  std::string target;
  bool directory;
  bool device;
};

Bind Take(const fs::path& source, std::string target, bool device = false) {
  Bind bind;
  bind.tree = base::UniqueFd(open_tree(AT_FDCWD, source.c_str(), OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE));
  if (!bind.tree.valid()) Fail("take " + source.string());
  struct mount_attr attributes = {};
  attributes.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | (device ? 0U : MOUNT_ATTR_NODEV);
  attributes.propagation = MS_PRIVATE;
  if (mount_setattr(bind.tree.get(), "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes, sizeof attributes) != 0)
    Fail("make read-only " + source.string());
  struct stat status = {};
  if (stat(source.c_str(), &status) != 0) Fail("look at " + source.string());
  bind.directory = S_ISDIR(status.st_mode);
  bind.device = device;
  bind.target = std::move(target);
  return bind;
}

void MakeFolders(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) throw base::Error("jail root: create " + path.string() + ": " + error.message());
}

void WriteWhole(const std::string& path, const std::string& content) {
  const base::UniqueFd fd(open(path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0444));
  if (!fd.valid() || write(fd.get(), content.data(), content.size()) != static_cast<ssize_t>(content.size())) Fail("write " + path);
}

}  // namespace

void EnterJailRoot(const PythonLayout& layout, const std::string& native_library) {
  // Sources are taken first: the new root may be mounted over a folder that holds some of them.
  std::vector<Bind> binds;
  const std::string python = kJailPython;
  binds.push_back(Take(layout.executable, python + "/bin/python3"));
  binds.push_back(Take(layout.standard_library, python + "/lib/python" + layout.version));
  for (std::size_t i = 0; i < layout.sites.size(); ++i) binds.push_back(Take(layout.sites[i], JailSite(i)));
  if (!layout.matplotlib.empty()) binds.push_back(Take(layout.matplotlib, python + "/matplotlib"));
  std::set<std::string> bound;
  for (const fs::path& folder : layout.library_dirs) {
    const fs::path real = fs::canonical(folder);
    if (bound.insert(real.string()).second) binds.push_back(Take(real, real.string()));
  }
  for (const char* device : {"/dev/null", "/dev/zero", "/dev/full", "/dev/urandom"}) binds.push_back(Take(device, device, true));
  if (fs::exists("/usr/share/zoneinfo")) binds.push_back(Take("/usr/share/zoneinfo", "/usr/share/zoneinfo"));
  // /lib -> usr/lib and the like, as the host has them: the loader's path goes through such a link.
  std::vector<std::pair<std::string, std::string>> links;
  for (const char* name : {"/lib", "/lib64", "/lib32"}) {
    std::error_code none;
    if (fs::is_symlink(name, none)) links.emplace_back(name, fs::read_symlink(name, none).string());
  }
  // Where libc keeps semaphores (multiprocessing): the session's own folder.
  links.emplace_back("/dev/shm", kJailWork);
  const std::string native = base::ReadFile(native_library);
  std::string loader_cache;
  if (fs::exists("/etc/ld.so.cache")) loader_cache = base::ReadFile("/etc/ld.so.cache");
  std::string loader_target;
  if (!layout.loader.empty()) {
    // The real file lies in a bound folder as a rule; a loader elsewhere (/lib64/ld-linux-x86-64.so.2 without merged /usr) is bound
    // alone.
    const fs::path real = fs::canonical(layout.loader);
    if (bound.count(real.parent_path().string()) == 0) binds.push_back(Take(real, real.string()));
    loader_target = real.string();
  }

  const std::string mount_point = fs::is_directory("/tmp") ? "/tmp" : "/mnt";
  if (mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) Fail("make mounts private");
  if (mount("tmpfs", mount_point.c_str(), "tmpfs", MS_NOSUID, "size=16m,mode=755,nr_inodes=4096") != 0) Fail("mount tmpfs");
  const std::string root = mount_point;
  for (const char* folder : {"/dev", "/work", "/etc", "/python/bin"}) MakeFolders(root + folder);
  for (const auto& [name, target] : links) {
    MakeFolders(root + (target[0] == '/' ? target : "/" + target));
    if (symlink(target.c_str(), (root + name).c_str()) != 0) Fail("link " + name);
  }
  for (const Bind& bind : binds) {
    const std::string target = root + bind.target;
    if (bind.directory) {
      MakeFolders(target);
    } else {
      MakeFolders(fs::path(target).parent_path());
      const base::UniqueFd file(open(target.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0444));
      if (!file.valid()) Fail("create " + target);
    }
    if (move_mount(bind.tree.get(), "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0) Fail("mount " + bind.target);
  }
  if (!layout.loader.empty() && !fs::exists(root + loader_target)) Fail("find the loader " + loader_target);
  if (!layout.loader.empty() && layout.loader.string() != loader_target) {
    std::error_code none;
    const fs::path named = root + layout.loader.string();
    if (!fs::exists(fs::symlink_status(named, none))) {
      fs::create_directories(named.parent_path(), none);
      fs::create_symlink(loader_target, named, none);
    }
  }
  // Packages beside the standard library are the machine's own, not the set's.
  for (const char* name : {"site-packages", "dist-packages"}) {
    const std::string folder = root + python + "/lib/python" + layout.version + "/" + name;
    if (fs::is_directory(folder) &&
        mount("tmpfs", folder.c_str(), "tmpfs", MS_RDONLY | MS_NOSUID | MS_NODEV, "size=4k,mode=555") != 0)
      Fail("hide " + std::string(name));
  }
  WriteWhole(root + kJailLibrary, native);
  chmod((root + kJailLibrary).c_str(), 0555);
  if (!loader_cache.empty()) WriteWhole(root + "/etc/ld.so.cache", loader_cache);

  if (chdir(root.c_str()) != 0) Fail("enter the new root");
  if (syscall(SYS_pivot_root, ".", ".") != 0) Fail("pivot_root");
  if (umount2(".", MNT_DETACH) != 0) Fail("detach the old root");
  if (chdir("/") != 0) Fail("enter /");
  struct mount_attr closed = {};
  closed.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
  if (mount_setattr(AT_FDCWD, "/", 0, &closed, sizeof closed) != 0) Fail("make the root read-only");
}

}  // namespace mathcoder::sandbox

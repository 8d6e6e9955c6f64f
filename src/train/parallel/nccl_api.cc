#include "train/parallel/nccl_api.h"

#include <dlfcn.h>

#include "base/error.h"

namespace mathcoder::train::nccl {
namespace {

template <typename F>
void Find(void* library, const char* name, F& function) {
  function = reinterpret_cast<F>(dlsym(library, name));
  if (function == nullptr) throw base::Unavailable(std::string("libnccl.so.2 has no ") + name + "; NCCL 2.10 or newer is needed");
}

Api Open() {
  void* library = dlopen("libnccl.so.2", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    const char* reason = dlerror();
    throw base::Unavailable("several GPUs need NCCL, which is not found (" +
                            std::string(reason != nullptr ? reason : "libnccl.so.2") +
                            "): install libnccl2, or name its folder in LD_LIBRARY_PATH");
  }
  Api api{};
  Find(library, "ncclGetVersion", api.GetVersion);
  Find(library, "ncclGetUniqueId", api.GetUniqueId);
  Find(library, "ncclCommInitRank", api.CommInitRank);
  Find(library, "ncclCommDestroy", api.CommDestroy);
  Find(library, "ncclCommAbort", api.CommAbort);
  Find(library, "ncclCommGetAsyncError", api.CommGetAsyncError);
  Find(library, "ncclGetErrorString", api.GetErrorString);
  Find(library, "ncclAllReduce", api.AllReduce);
  Find(library, "ncclReduceScatter", api.ReduceScatter);
  Find(library, "ncclAllGather", api.AllGather);
  Find(library, "ncclBroadcast", api.Broadcast);
  return api;
}

}  // namespace

const Api& Load() {
  static const Api api = Open();
  return api;
}

void Check(Result result, const char* what) {
  if (result == kSuccess || result == kInProgress) return;
  throw base::Error(std::string("NCCL: ") + what + " failed: " + Load().GetErrorString(result), base::ExitCode::kUnavailable);
}

std::string VersionText() {
  int version = 0;
  Check(Load().GetVersion(&version), "asking for the version");
  // 22703 is 2.27.3; before 2.9 the minor version had one digit.
  const int major = version >= 10000 ? version / 10000 : version / 1000,
            minor = version >= 10000 ? version / 100 % 100 : version / 100 % 10;
  return std::to_string(major) + "." + std::to_string(minor);
}

}  // namespace mathcoder::train::nccl

// mathcoder-mathd: comparisons whose time and memory nobody can bound beforehand, in a process that may be killed. See
// math/worker.h.
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "math/worker.h"

namespace {

bool ReadAll(char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = read(STDIN_FILENO, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

bool WriteAll(const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t n = write(STDOUT_FILENO, data, size);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
  }
  return true;
}

void Limit(int resource, rlim_t soft, rlim_t hard) {
  const rlimit limit{soft, hard};
  setrlimit(resource, &limit);
}

}  // namespace

int main() {
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // sanitizers reserve address space by the terabyte
  Limit(RLIMIT_AS, rlim_t{2} << 30, rlim_t{2} << 30);
#endif
  Limit(RLIMIT_CORE, 0, 0);
  for (;;) {
    // Whoever asks gives up after a fraction of a second; this is for one that died without ending us.
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto spent = static_cast<rlim_t>(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
    Limit(RLIMIT_CPU, spent + 10, RLIM_INFINITY);
    unsigned char head[4];
    if (!ReadAll(reinterpret_cast<char*>(head), 4)) return 0;
    const std::uint32_t size = head[0] | head[1] << 8U | head[2] << 16U | static_cast<std::uint32_t>(head[3]) << 24U;
    if (size > (4U << 20U)) return 1;
    std::string payload(size, '\0');
    if (!ReadAll(payload.data(), size)) return 0;
    mathcoder::math::Comparison comparison;
    if (const auto request = mathcoder::math::ReadRequest(payload)) {
      comparison = mathcoder::math::CompareInWorker(request->reference, request->answer, request->options);
    }
    const std::string answer = mathcoder::math::WriteAnswer(comparison);
    std::string frame;
    for (unsigned k = 0; k < 4; ++k) frame += static_cast<char>(answer.size() >> (8 * k));
    frame += answer;
    if (!WriteAll(frame.data(), frame.size())) return 0;
  }
}

#include "cli/interrupt.h"

#include <unistd.h>

#include <csignal>

namespace mathcoder::cli {
namespace {

std::atomic<bool> interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "the handler may touch nothing else");

void Handle(int) {
  if (interrupted.exchange(true)) ::_exit(130);  // sandboxd and its sessions die with this process
}

}  // namespace

const std::atomic<bool>& InstallInterrupt() {
  struct sigaction action {};
  action.sa_handler = Handle;
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  ::signal(SIGXFSZ, SIG_IGN);
  return interrupted;
}

}  // namespace mathcoder::cli

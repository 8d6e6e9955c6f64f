// mathcoder-sandboxd FD: started by the sandbox's client library, which holds the other end of FD. Not for use by hand.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cstdio>
#include <cstdlib>

#include "sandbox/daemon/server.h"

int main(int argc, char** argv) {
  const int fd = argc == 2 ? std::atoi(argv[1]) : -1;
  struct stat status = {};
  if (fd < 3 || fstat(fd, &status) != 0 || !S_ISSOCK(status.st_mode)) {
    std::fprintf(stderr, "mathcoder-sandboxd is started by mathcoder, not by hand\n");
    return 2;
  }
  // Everything here ends with the client, however that ends; sessions end with this process.
  prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  signal(SIGPIPE, SIG_IGN);
  signal(SIGINT, SIG_IGN);  // Ctrl-C is the client's to handle
  signal(SIGTERM, SIG_DFL);
  rlimit files = {};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }
  mathcoder::sandbox::Server server((mathcoder::base::UniqueFd(fd)));
  server.Serve();
  return 0;
}

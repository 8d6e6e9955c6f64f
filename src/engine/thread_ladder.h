// How many threads the next batch should use. The library's threads wait for each other by spinning some hundred times a batch: as
// soon as one of them has to share its core with another program (a Python session of ours, say) all the others burn their
// cores waiting for it. So a core that someone else wants is left to him.
#pragma once

#include "base/unique_fd.h"

namespace mathcoder::engine {

class ThreadLadder {
 public:
  // `most`: threads on a quiet machine.
  explicit ThreadLadder(int most);

  // Between 1 and `most`: the cores that nobody else wants right now. A read of /proc/loadavg, some microseconds; `most` where
  // there is no such file.
  int Choose();

  // The rule alone: `running` tasks on the machine (one of them asks), of whose `machine_cores` this process may use `cores`.
  static int Rule(int running, int machine_cores, int cores, int most);

 private:
  base::UniqueFd loadavg_;
  int machine_cores_;
  int cores_;
  int most_;
};

}  // namespace mathcoder::engine

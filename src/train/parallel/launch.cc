#include "train/parallel/launch.h"

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string_view>

#include "train/parallel/communicator.h"

namespace mathcoder::train {
namespace {

std::optional<int> Number(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr) return std::nullopt;
  std::string_view view(text);
  int value = 0;
  auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), value);
  if (error != std::errc() || end != view.data() + view.size() || value < 0) return std::nullopt;
  return value;
}

}  // namespace

Launch ReadLaunch() {
  Launch launch;
  for (const char* variable : {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"}) {
    if (auto rank = Number(variable)) {
      launch.local_rank = *rank;
      break;
    }
  }
  // SLURM_NTASKS alone says nothing: a batch script sees it as well, whose commands are single processes. A PMI is there only below
  // srun.
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE"}) {
    if (auto size = Number(variable); size && *size > 0) {
      launch.size = *size;
      launch.evidence = std::string(variable) + "=" + std::to_string(*size);
      return launch;
    }
  }
  if (std::getenv("PMIX_RANK") != nullptr) {
    launch.evidence = "PMIX_RANK is set";
    launch.size = 0;
    for (const char* variable : {"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS"}) {
      if (auto size = Number(variable); size && *size > 0) {
        launch.size = *size;
        launch.evidence = std::string(variable) + "=" + std::to_string(*size);
        break;
      }
    }
  }
  return launch;
}

int LocalRank() { return ReadLaunch().local_rank; }

}  // namespace mathcoder::train

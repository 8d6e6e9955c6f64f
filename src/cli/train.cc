// `mathcoder train` is a program of its own, started as git starts its verbs: who only solves never loads libtorch.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/paths.h"
#include "cli/verbs.h"

namespace mathcoder::cli {

void AddTrain(CLI::App& app, Run& run) {
  CLI::App* verb = app.add_subcommand("train", "fine-tune a model, or train one from scratch: CONFIG.yaml [key=value...]");
  verb->set_help_flag();  // the trainer has its own
  verb->prefix_command();
  verb->callback([verb, &run] {
    run = [arguments = verb->remaining()]() -> int {
      const auto trainer = base::FindHelper("mathcoder-train");
      if (!trainer) {
        throw base::Unavailable(
            "the trainer is not installed beside this program; in a clone of the repository `make trainer` builds it "
            "(libtorch, a few hundred megabytes, is fetched once)");
      }
      std::vector<std::string> words = arguments;
      words.insert(words.begin(), "mathcoder train");
      std::vector<char*> argv;
      for (std::string& word : words) argv.push_back(word.data());
      argv.push_back(nullptr);
      ::execv(trainer->c_str(), argv.data());
      throw base::Unavailable(trainer->string() + ": cannot be started: " + std::strerror(errno));
    };
  });
}

}  // namespace mathcoder::cli

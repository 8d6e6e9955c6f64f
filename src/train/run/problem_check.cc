#include "train/run/problem_check.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <vector>

#include "base/error.h"
#include "base/file.h"
#include "base/jsonl.h"
#include "base/paths.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace mathcoder::train {
namespace {

// Runs the program beside this one with its output in a file. Throws where it cannot be started, was killed, or ended with another
// code than 0 or 1 (1: done, but a part failed).
void RunMathcoder(std::vector<std::string> words, const std::filesystem::path& output) {
  const auto program = base::FindHelper("mathcoder");
  if (!program) throw base::Unavailable("the program mathcoder is not beside the trainer: watch.eval_every cannot solve problems");
  words.insert(words.begin(), program->string());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  const std::string errors = output.string() + ".err";
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawn_file_actions_addopen(&actions, 2, errors.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  posix_spawnattr_t attributes;  // a group of its own: Ctrl-C is for the training, which ends in order
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);
  posix_spawnattr_setpgroup(&attributes, 0);
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, program->c_str(), &actions, &attributes, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failed != 0) throw base::Unavailable(program->string() + ": cannot be started: " + std::strerror(failed));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) > 1) {
    std::string said = base::ReadFile(errors);
    while (said.ends_with('\n')) said.pop_back();
    said = said.substr(said.rfind('\n') == std::string::npos ? 0 : said.rfind('\n') + 1);
    throw base::Error("`mathcoder " + words[1] +
                      "` failed while problems were checked: " + (said.empty() ? "status " + std::to_string(status) : said));
  }
  std::filesystem::remove(errors);
}

}  // namespace

ProblemCheck CheckProblems(const std::filesystem::path& model, const std::filesystem::path& problems, std::int64_t count,
                           const std::filesystem::path& transcripts) {
  const auto start = std::chrono::steady_clock::now();
  std::filesystem::create_directories(transcripts.parent_path());
  const std::filesystem::path some = transcripts.parent_path() / "problems.jsonl";
  std::string lines;
  base::JsonLines input(problems);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto record = input.Next();
    if (!record) break;
    if (!record->ok()) throw base::BadInput(record->error());
    lines += base::Dump(record->value()) + "\n";
  }
  if (lines.empty()) throw base::BadInput(problems.string() + ": holds no problem (watch.eval_problems)");
  base::WriteFileAtomically(some, lines);
  std::filesystem::remove(transcripts);  // of a try that was interrupted
  const std::filesystem::path output = transcripts.string() + ".verdicts";
  RunMathcoder({"solve", "-m", model.string(), "--in", some.string(), "--out", transcripts.string(), "-q"}, output);
  RunMathcoder({"grade", transcripts.string(), "--json", "-q"}, output);
  ProblemCheck check;
  check.transcripts = transcripts;
  base::JsonLines verdicts(output);
  while (const auto record = verdicts.Next()) {
    if (!record->ok()) throw base::Error(record->error());
    ++check.solved;
    check.correct += record->value().value("verdict", "") == "correct" ? 1 : 0;
    check.unanswered += record->value().value("answer", "").empty() ? 1 : 0;
  }
  std::filesystem::remove(output);
  check.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return check;
}

}  // namespace mathcoder::train

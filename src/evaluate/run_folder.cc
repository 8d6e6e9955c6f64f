#include "evaluate/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "base/error.h"
#include "chat/jsonl_formats.h"

namespace mathcoder::evaluate {

RunFolder::RunFolder(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code error;
  std::filesystem::create_directories(path_, error);
  if (error || !std::filesystem::is_directory(path_, error)) {
    throw base::OutputFailure(path_.string() + ": the folder cannot be made (" + (error ? error.message() : "a file is there") +
                              "); choose another -o");
  }
  const std::filesystem::path lock = path_ / "run.lock";
  lock_ = base::UniqueFd(::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!lock_.valid()) throw base::OutputFailure(lock.string() + ": cannot be written (" + std::strerror(errno) + ")");
  // A program that was killed holds its lock until the kernel has taken its memory back.
  for (int tries = 20; ::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0; --tries) {
    if (tries > 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    throw base::OutputFailure(path_.string() + ": another mathcoder works in this folder; wait for it, or choose another -o");
  }
}

LinesWriter::LinesWriter(std::filesystem::path path) : path_(std::move(path)), temporary_(path_.string() + ".part") {
  out_.open(temporary_, std::ios::binary | std::ios::trunc);
  if (!out_) throw base::OutputFailure(temporary_.string() + ": cannot be written (" + std::strerror(errno) + ")");
}

LinesWriter::~LinesWriter() {
  if (committed_) return;
  out_.close();
  std::error_code ignored;
  std::filesystem::remove(temporary_, ignored);
}

void LinesWriter::Add(const std::string& line) {
  out_ << line << '\n';
  if (!out_) throw base::OutputFailure(temporary_.string() + ": cannot be written (" + std::strerror(errno) + ")");
}

void LinesWriter::Commit() {
  out_.close();
  if (!out_) throw base::OutputFailure(temporary_.string() + ": cannot be written (" + std::strerror(errno) + ")");
  // Before the new name stands for it, the content has to be on the disk.
  const base::UniqueFd file(::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC));
  std::error_code error;
  if (file.valid() && ::fsync(file.get()) == 0) {
    std::filesystem::rename(temporary_, path_, error);
  } else {
    error = std::error_code(errno, std::generic_category());
  }
  if (error) throw base::OutputFailure(path_.string() + ": cannot be written (" + error.message() + ")");
  committed_ = true;
}

base::Json TranscriptRecord(const Item& item, chat::Transcript transcript, bool timeless) {
  if (timeless) {
    transcript.timings.total = transcript.timings.generate = transcript.timings.execute = {};
    for (chat::Execution& execution : transcript.executions) {
      execution.wall = {};
      execution.prefilled_tokens = 0;
    }
  }
  base::Json record = chat::WriteTranscript(transcript);
  base::Json& place = record["mathcoder"]["evaluation"];
  place = {{"benchmark", item.task.benchmark}, {"index", item.task.index}};
  if (!item.model.empty()) place["model"] = item.model;
  if (!item.file.empty()) place["file"] = item.file;
  return record;
}

base::Json TimingRecord(const Item& item, const chat::Transcript& transcript) {
  base::Json walls = base::Json::array();
  for (const chat::Execution& execution : transcript.executions) walls.push_back(execution.wall.count());
  return {{"benchmark", item.task.benchmark},
          {"index", item.task.index},
          {"sample", item.task.sample},
          {"total_us", transcript.timings.total.count()},
          {"generate_us", transcript.timings.generate.count()},
          {"execute_us", transcript.timings.execute.count()},
          {"executions_us", std::move(walls)},
          {"grade_us", static_cast<double>(item.grading.count()) / 1000}};
}

}  // namespace mathcoder::evaluate

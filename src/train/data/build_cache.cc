#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <exception>
#include <map>
#include <mutex>
#include <optional>
#include <thread>

#include "base/check.h"
#include "base/error.h"
#include "base/file.h"
#include "base/jsonl.h"
#include "base/progress.h"
#include "base/unique_fd.h"
#include "chat/jsonl_formats.h"
#include "train/data/cache_writer.h"
#include "train/data/token_cache.h"

namespace mathcoder::train {
namespace {

constexpr std::size_t kChunk = 64;   // records that a thread takes at a time
constexpr std::size_t kWindow = 64;  // chunks that may wait for an earlier one
constexpr std::size_t kNamed = 10;   // of what was left out, in the notice

struct Record {
  std::uint32_t file = 0, line = 0;
  base::Result<base::Json> json;
};

struct Tokenised {
  std::uint32_t file = 0, line = 0;
  std::uint64_t problem = 0;
  base::Result<Example> example;
};

// Questions that differ in blanks alone are one problem.
std::uint64_t ProblemHash(const std::string& question) {
  std::string words;
  for (const char byte : question) {
    const bool blank = byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
    if (!blank) {
      words += byte;
    } else if (!words.empty() && words.back() != ' ') {
      words += ' ';
    }
  }
  if (!words.empty() && words.back() == ' ') words.pop_back();
  return Checksum::Of(words);
}

// Reads records in order, has threads tokenise them, and hands the results on in order.
class Pipeline {
 public:
  Pipeline(const std::vector<DataFile>& files, const chat::Dialect& dialect, const chat::Tokenizer& tokenizer,
           const ExampleOptions& options)
      : files_(files), dialect_(dialect), tokenizer_(tokenizer), options_(options) {}

  // `use` is called on this thread. What a thread or `use` throws ends the others and is thrown here.
  template <typename Use>
  void Run(std::size_t threads, Use use) {
    if (threads <= 1) {  // no thread of its own
      for (std::vector<Record> chunk = Read(); !chunk.empty(); chunk = Read()) {
        for (Tokenised& done : Tokenise(std::move(chunk))) use(std::move(done));
      }
      return;
    }
    std::vector<std::jthread> workers;
    const auto stop = [&] {
      const std::lock_guard lock(mutex_);
      stopped_ = true;
      changed_.notify_all();
    };
    try {
      for (std::size_t i = 0; i < threads; ++i) workers.emplace_back([this] { Work(); });
      for (std::size_t next = 0;; ++next) {
        std::vector<Tokenised> chunk;
        {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, [&] { return done_.contains(next) || failure_ != nullptr || (ended_ && next >= read_); });
          if (failure_ != nullptr) std::rethrow_exception(failure_);
          if (!done_.contains(next)) break;
          chunk = std::move(done_.extract(next).mapped());
          written_ = next + 1;
          changed_.notify_all();
        }
        for (Tokenised& done : chunk) use(std::move(done));
      }
    } catch (...) {
      stop();
      workers.clear();  // joins
      throw;
    }
    stop();
  }

 private:
  // The next records; empty at the end of the last file. One thread at a time.
  std::vector<Record> Read() {
    std::vector<Record> chunk;
    while (chunk.size() < kChunk && file_ < files_.size()) {
      if (!lines_) lines_.emplace(files_[file_].path);
      std::optional<base::Result<base::Json>> next = lines_->Next();
      if (!next) {
        lines_.reset();
        ++file_;
        continue;
      }
      chunk.push_back({static_cast<std::uint32_t>(file_), static_cast<std::uint32_t>(lines_->line()), std::move(*next)});
    }
    return chunk;
  }

  std::vector<Tokenised> Tokenise(std::vector<Record> records) const {
    std::vector<Tokenised> all;
    all.reserve(records.size());
    for (Record& record : records) {
      const std::string where = files_[record.file].path.string() + ":" + std::to_string(record.line);
      Tokenised one{record.file, record.line, 0, base::Failure{record.json.ok() ? "" : record.json.error()}};
      if (record.json.ok()) {
        const base::Result<chat::Transcript> transcript = chat::ReadTranscript(*record.json);
        if (transcript.ok()) {
          one.problem = ProblemHash(transcript->problem.question);
          one.example = BuildExample(*transcript, where, dialect_, tokenizer_, options_);
        } else {
          one.example = base::Failure{where + ": " + transcript.error()};
        }
      }
      all.push_back(std::move(one));
    }
    return all;
  }

  void Work() {
    try {
      for (;;) {
        std::size_t number = 0;
        std::vector<Record> chunk;
        {
          std::unique_lock lock(mutex_);
          changed_.wait(lock, [&] { return stopped_ || ended_ || (!reading_ && read_ < written_ + kWindow); });
          if (stopped_ || ended_) return;
          reading_ = true;  // this thread alone reads, while the others tokenise
          number = read_;
        }
        chunk = Read();
        {
          const std::lock_guard lock(mutex_);
          reading_ = false;
          if (chunk.empty()) {
            ended_ = true;
          } else {
            ++read_;
          }
          changed_.notify_all();
        }
        if (chunk.empty()) return;
        std::vector<Tokenised> done = Tokenise(std::move(chunk));
        const std::lock_guard lock(mutex_);
        done_.emplace(number, std::move(done));
        changed_.notify_all();
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (failure_ == nullptr) failure_ = std::current_exception();
      stopped_ = true;
      changed_.notify_all();
    }
  }

  const std::vector<DataFile>& files_;
  const chat::Dialect& dialect_;
  const chat::Tokenizer& tokenizer_;
  const ExampleOptions& options_;

  std::size_t file_ = 0;  // of the thread that reads
  std::optional<base::JsonLines> lines_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::size_t, std::vector<Tokenised>> done_;
  std::size_t read_ = 0, written_ = 0;  // chunks
  bool reading_ = false, ended_ = false, stopped_ = false;
  std::exception_ptr failure_;
};

std::string Count(std::uint64_t n, const std::string& what) { return std::to_string(n) + " " + what + (n == 1 ? "" : "s"); }

std::string NamesOf(const std::vector<DataFile>& files) {
  std::string names = files.front().path.string();
  if (files.size() > 1) names += " and " + Count(files.size() - 1, "other file");
  return names;
}

// One notice on stderr: how many, the first few, where all of them are.
void PrintNotes(const CacheCounts& counts, const std::string& notes, std::size_t length, const std::filesystem::path& list) {
  std::string line = "mathcoder: ";
  if (counts.dropped > 0)
    line += Count(counts.dropped, "transcript") + " longer than " + std::to_string(length) + " tokens left out, ";
  if (counts.truncated > 0) line += Count(counts.truncated, "transcript") + " cut after " + std::to_string(length) + " tokens, ";
  if (counts.without_loss > 0) line += Count(counts.without_loss, "transcript") + " without a token to learn left out, ";
  line += "of " + std::to_string(counts.records) + " (all are named in " + list.string() + "):\n";
  std::string_view rest = notes;
  for (std::size_t i = 0; i < kNamed && !rest.empty(); ++i) {
    const std::size_t end = rest.find('\n') + 1;
    line += "  " + std::string(rest.substr(0, end));
    rest.remove_prefix(end);
  }
  if (!rest.empty()) line += "  ...\n";
  std::fputs(line.c_str(), stderr);
}

void Build(const std::filesystem::path& path, const std::filesystem::path& list, const std::string& key,
           const std::vector<DataFile>& files, const chat::Dialect& dialect, const chat::Tokenizer& tokenizer,
           const CacheOptions& options) {
  CacheWriter writer(path, tokenizer.size());
  CacheCounts counts;
  std::string notes;
  std::uint64_t bad = 0;
  std::string first_bad;
  base::Progress progress({.label = "tokenise", .unit = "transcripts", .quiet = options.quiet});
  Pipeline pipeline(files, dialect, tokenizer, options.example);
  const std::size_t threads = options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
  pipeline.Run(threads, [&](Tokenised done) {
    if (++counts.records % kChunk == 0) progress.Set(counts.records, Count(writer.tokens(), "token"));
    if (!done.example.ok()) {
      if (bad++ == 0) first_bad = done.example.error();
      return;
    }
    Example example = std::move(done.example).value();
    const std::size_t n = example.ids.size();
    const std::string note = example.source + ": " + Count(n, "token") + ", a row has " + std::to_string(options.length) + ": ";
    bool cut = false;
    if (n > options.length) {
      if (options.over_long == OverLong::kDrop) {
        ++counts.dropped;
        notes += note + "left out\n";
        return;
      }
      cut = true;
      example.ids.resize(options.length);
      example.roles.resize(options.length);
      example.weights.resize(options.length);
    }
    if (example.LossTokens() == 0) {
      ++counts.without_loss;
      notes +=
          cut ? note + "left out, as nothing of its beginning is learned\n" : example.source + ": no token to learn: left out\n";
      return;
    }
    if (cut) {
      ++counts.truncated;
      notes += note + "cut\n";
    }
    writer.Add(example, done.problem, done.file, done.line);
  });
  progress.Set(counts.records, Count(writer.tokens(), "token"));
  progress.Finish();
  if (bad > 0) {
    throw base::BadInput(first_bad + (bad == 1 ? ""
                                               : "; " + std::to_string(bad) + " of " + std::to_string(counts.records) +
                                                     " records cannot be used, this is the first"));
  }
  if (writer.examples() == 0) {
    std::string why = counts.records == 0 ? "no record at all"
                      : counts.dropped == 0
                          ? "no token that the mask lets the model learn"
                          : Count(counts.dropped, "transcript") + " longer than a row of " + std::to_string(options.length) +
                                " tokens, and " + std::to_string(counts.without_loss) + " without a token to learn";
    throw base::BadInput(NamesOf(files) + ": nothing to train on: " + why +
                         "; a transcript needs text or code of the assistant (and see the mask's weights and the row's length)");
  }
  // The list first: a cache that is there has its list.
  std::error_code ignored;
  if (notes.empty()) {
    std::filesystem::remove(list, ignored);
  } else {
    base::WriteFileAtomically(list, notes);
  }
  writer.Finish(key, files, options.example.mask, options.length, counts, notes);
}

// What killed writers of `path` left beside it. Under the lock, where no other writer can be at work.
void RemoveLeftovers(const std::filesystem::path& path) {
  const std::string prefix = path.filename().string() + ".part.";
  std::error_code error;
  for (std::filesystem::directory_iterator it(path.parent_path(), error), end; !error && it != end; it.increment(error)) {
    std::error_code ignored;
    if (it->path().filename().string().starts_with(prefix)) std::filesystem::remove(it->path(), ignored);
  }
}

// One process builds, the others wait.
base::UniqueFd Lock(const std::filesystem::path& path) {
  base::UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  int result = fd.valid() ? 0 : -1;
  while (fd.valid() && (result = ::flock(fd.get(), LOCK_EX)) != 0 && errno == EINTR) {
  }
  if (result != 0) throw base::OutputFailure(path.string() + ": cannot be locked (" + std::strerror(errno) + ")");
  return fd;
}

}  // namespace

std::unique_ptr<TokenCache> OpenOrBuildCache(const std::filesystem::path& folder, const std::vector<DataFile>& files,
                                             const chat::Dialect& dialect, const chat::Tokenizer& tokenizer,
                                             const CacheOptions& options) {
  MC_CHECK(!files.empty() && options.length > 0);
  dialect.CheckVocabulary(tokenizer);
  dialect.Encode(tokenizer, dialect.RenderMessageEnd(), /*begin_of_text=*/false);  // throws where the vocabulary has no such token
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) throw base::OutputFailure(folder.string() + ": cannot be made (" + error.message() + ")");
  const std::string key = CacheKey(files, dialect, tokenizer, options);
  const std::filesystem::path path = folder / ("tokens-" + key.substr(0, 16) + ".mctok");
  const std::filesystem::path list = path.string() + ".left-out.txt";
  const base::UniqueFd lock = Lock(folder / "lock");
  if (std::filesystem::exists(path, error)) {
    try {
      return std::make_unique<TokenCache>(path, key);
    } catch (const base::Error& damaged) {
      if (!options.quiet) std::fprintf(stderr, "mathcoder: %s; it is built again\n", damaged.what());
    }
  }
  RemoveLeftovers(path);
  RemoveLeftovers(list);
  Build(path, list, key, files, dialect, tokenizer, options);
  auto cache = std::make_unique<TokenCache>(path, key);
  if (!options.quiet && !cache->notes().empty()) PrintNotes(cache->counts(), std::string(cache->notes()), options.length, list);
  return cache;
}

}  // namespace mathcoder::train

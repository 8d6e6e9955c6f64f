#include "engine/recording_engine.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "base/check.h"
#include "chat/stop_matcher.h"

namespace mathcoder::engine {
namespace {

using Clock = std::chrono::steady_clock;

// Reported at once, and the pause after which a Cancel is seen.
constexpr std::size_t kChunk = 256;

// What the model of the recording would write if nobody stopped it: every block but the executions, then the message's end.
std::vector<TokenId> ScriptOf(const chat::Transcript& recording, const chat::Dialect& dialect, const chat::Tokenizer& tokenizer) {
  std::vector<chat::Segment> segments;
  const auto add = [&segments](std::vector<chat::Segment> more) { std::ranges::move(more, std::back_inserter(segments)); };
  for (const chat::Block& block : recording.blocks) {
    if (block.kind != chat::BlockKind::kExecution) add(dialect.RenderBlock(block));
  }
  add(dialect.RenderMessageEnd());
  return dialect.Encode(tokenizer, segments, /*begin_of_text=*/false).ids;
}

class RecordingEngine final : public Engine {
 public:
  explicit RecordingEngine(std::shared_ptr<const chat::Dialect> dialect)
      : dialect_(std::move(dialect)), tokenizer_(chat::MakeByteTokenizer(dialect_->special_strings())) {
    info_.engine = "recording";
    info_.model = "recording";
    info_.hints.dialect = dialect_->name();
    info_.details = {{"dialect", dialect_->name()}};
    thread_ = std::thread([this] { Work(); });
  }

  ~RecordingEngine() override {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
      for (auto& [id, sequence] : sequences_) sequence.cancelled = true;
    }
    wake_.notify_one();
    thread_.join();
  }

  const EngineInfo& info() const override { return info_; }
  const chat::Tokenizer& tokenizer() const override { return *tokenizer_; }

  SequenceId Open(SequenceOptions options) override {
    Sequence sequence;
    if (options.recording != nullptr) {
      sequence.script = std::make_shared<const std::vector<TokenId>>(ScriptOf(*options.recording, *dialect_, *tokenizer_));
    }
    sequence.recording = options.recording;
    std::lock_guard lock(mutex_);
    sequences_.emplace(next_id_, std::move(sequence));
    return next_id_++;
  }

  SequenceId Fork(SequenceId source, SequenceOptions options) override {
    std::unique_lock lock(mutex_);
    const Sequence& from = At(source);
    MC_CHECK(!from.generating);
    Sequence sequence;
    sequence.tokens = from.tokens;
    sequence.recording = from.recording;
    sequence.script = from.script;
    sequence.position = from.position;
    sequence.played = from.played;
    if (options.recording != nullptr && options.recording != from.recording) {
      // Another recording is played from its beginning.
      lock.unlock();
      sequence.script = std::make_shared<const std::vector<TokenId>>(ScriptOf(*options.recording, *dialect_, *tokenizer_));
      sequence.recording = options.recording;
      sequence.position = 0;
      sequence.played.clear();
      lock.lock();
    }
    sequences_.emplace(next_id_, std::move(sequence));
    return next_id_++;
  }

  void Append(SequenceId id, std::span<const TokenId> tokens) override {
    std::lock_guard lock(mutex_);
    Sequence& sequence = At(id);
    MC_CHECK(!sequence.generating);
    sequence.tokens.insert(sequence.tokens.end(), tokens.begin(), tokens.end());
  }

  void Generate(SequenceId id, GenerateOptions options, GenerateCallbacks callbacks) override {
    {
      std::lock_guard lock(mutex_);
      Sequence& sequence = At(id);
      MC_CHECK(!sequence.generating && !sequence.tokens.empty());
      sequence.generating = true;
      sequence.cancelled = ending_;
      jobs_.push_back({id, std::move(options), std::move(callbacks), Clock::now()});
    }
    wake_.notify_one();
  }

  void Cancel(SequenceId id) override {
    std::lock_guard lock(mutex_);
    Sequence& sequence = At(id);
    if (sequence.generating) sequence.cancelled = true;
  }

  void RollBack(SequenceId id, std::size_t n_tokens) override {
    std::lock_guard lock(mutex_);
    Sequence& sequence = At(id);
    MC_CHECK(!sequence.generating && n_tokens <= sequence.tokens.size());
    sequence.tokens.resize(n_tokens);
    // What was played beyond the cut has not been said: it is played again.
    while (!sequence.played.empty() && sequence.played.back().end > n_tokens) {
      const Played& last = sequence.played.back();
      sequence.position -= std::min(last.end - n_tokens, last.end - last.begin);
      if (last.begin < n_tokens) {
        sequence.played.back().end = n_tokens;
        break;
      }
      sequence.played.pop_back();
    }
  }

  std::vector<TokenId> Tokens(SequenceId id) const override {
    std::lock_guard lock(mutex_);
    const auto found = sequences_.find(id);
    MC_CHECK(found != sequences_.end());
    return found->second.tokens;
  }

  void Close(SequenceId id) override {
    std::unique_lock lock(mutex_);
    Sequence& sequence = At(id);
    sequence.cancelled = true;
    idle_.wait(lock, [this, id, &sequence] { return !sequence.generating && in_callback_ != id; });
    sequences_.erase(id);
  }

  EngineStats stats() const override {
    std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  struct Played {  // [begin, end) of Sequence::tokens came from the script
    std::size_t begin;
    std::size_t end;
  };
  struct Sequence {
    std::vector<TokenId> tokens;
    const chat::Transcript* recording = nullptr;
    std::shared_ptr<const std::vector<TokenId>> script;
    std::size_t position = 0;  // in the script
    std::vector<Played> played;
    bool generating = false;
    bool cancelled = false;
  };
  struct Job {
    SequenceId sequence;
    GenerateOptions options;
    GenerateCallbacks callbacks;
    Clock::time_point asked;
  };

  // Precondition: mutex_ is held. References stay valid while other sequences come and go.
  Sequence& At(SequenceId id) {
    const auto found = sequences_.find(id);
    MC_CHECK(found != sequences_.end());
    return found->second;
  }

  void Work() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return ending_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      Job job = std::move(jobs_.front());
      jobs_.pop_front();
      Play(job, lock);
    }
  }

  // `lock` is held on entry and on return, and open while a callback runs.
  void Play(const Job& job, std::unique_lock<std::mutex>& lock) {
    Sequence& sequence = At(job.sequence);
    GenerateResult result;
    result.queued = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - job.asked);
    const std::shared_ptr<const std::vector<TokenId>> script = sequence.script;
    in_callback_ = job.sequence;
    if (script == nullptr) {
      result.reason = StopReason::kFailed;
      result.error = "the sequence was opened without a recording to play";
    } else {
      chat::StopMatcher matcher(job.options.stop);
      const std::size_t begin = sequence.position;
      bool stopped = false;
      result.reason = StopReason::kMaxTokens;
      while (!stopped) {
        if (sequence.cancelled) {
          result.reason = StopReason::kCancelled;
          break;
        }
        lock.unlock();
        const std::size_t reported = result.tokens.size();
        while (!stopped && result.tokens.size() - reported < kChunk) {
          const std::size_t at = begin + result.tokens.size();
          if (result.tokens.size() >= job.options.max_tokens) {
            stopped = true;
          } else if (at >= script->size()) {
            result.reason = StopReason::kEndOfGeneration;
            stopped = true;
          } else {
            stopped = Say((*script)[at], matcher, result);
          }
        }
        if (job.callbacks.on_tokens && result.tokens.size() > reported) {
          job.callbacks.on_tokens(std::span(result.tokens).subspan(reported));
        }
        lock.lock();
      }
      const std::size_t length = sequence.tokens.size();
      sequence.tokens.insert(sequence.tokens.end(), result.tokens.begin(), result.tokens.end());
      if (!result.tokens.empty()) sequence.played.push_back({length, sequence.tokens.size()});
      sequence.position += result.tokens.size();
      stats_.decoded_tokens += result.tokens.size();
    }
    // Before on_done: whoever it wakes may ask for the next Generate at once.
    sequence.generating = false;
    result.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - job.asked);
    lock.unlock();
    if (job.callbacks.on_done) job.callbacks.on_done(std::move(result));
    lock.lock();
    in_callback_ = 0;
    idle_.notify_all();
  }

  // Adds one token; true when the generation stops with it. A token of this engine is one byte or one control string, so a stop
  // never ends inside of it.
  bool Say(TokenId token, chat::StopMatcher& matcher, GenerateResult& result) const {
    result.tokens.push_back(token);
    if (matcher.IsStopToken(token)) {
      result.reason = StopReason::kStopToken;
      return true;
    }
    if (token >= 256) return false;
    const char byte = static_cast<char>(token);
    if (matcher.Feed({&byte, 1})) {
      result.reason = StopReason::kStopString;
      return true;
    }
    return false;
  }

  const std::shared_ptr<const chat::Dialect> dialect_;
  const std::unique_ptr<chat::Tokenizer> tokenizer_;
  EngineInfo info_;

  mutable std::mutex mutex_;
  std::condition_variable wake_;  // a job, or the end
  std::condition_variable idle_;  // a generation and its callbacks are over
  std::map<SequenceId, Sequence> sequences_;
  std::deque<Job> jobs_;
  SequenceId next_id_ = 1;
  SequenceId in_callback_ = 0;
  bool ending_ = false;
  EngineStats stats_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Engine> OpenRecording(std::shared_ptr<const chat::Dialect> dialect) {
  return std::make_unique<RecordingEngine>(std::move(dialect));
}

}  // namespace mathcoder::engine

// One IO thread owns every transfer (a curl multi handle) and the state of every running Generate; other threads touch sequences
// under the mutex and wake it. docs/endpoints.md describes the protocol and its faults.
#include "engine/endpoint_engine.h"

#include <algorithm>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <random>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "chat/stop_matcher.h"
#include "engine/endpoint_pool.h"
#include "engine/endpoint_probe.h"
#include "engine/endpoint_protocol.h"
#include "engine/endpoint_sse.h"
#include "engine/endpoint_text.h"
#include "engine/endpoint_transfer.h"

namespace mathcoder::engine {
namespace {

using Clock = std::chrono::steady_clock;
using Stop = CompletionChunk::Stop;
using std::chrono::milliseconds;

// How long a server that was told the stop strings may take to end a stream whose stop we have seen: it keeps its connection.
constexpr milliseconds kGrace{250};
constexpr milliseconds kLongestBackoff{20000};

// What is received of one request.
struct Attempt {
  std::size_t endpoint = 0;
  std::unique_ptr<Transfer> transfer;
  SseParser sse;
  std::string body;                // of an answer that is no event stream
  std::vector<std::string> hints;  // stop strings that the server knows
  std::size_t asked_tokens = 0;
  std::size_t text_chunks = 0;  // one a token, or a few
  CompletionChunk end;          // finish_reason, usage
  std::optional<base::Json> error;
  std::string broken;  // why the stream makes no sense
};

struct Job {
  SequenceId sequence;
  GenerateOptions options;
  GenerateCallbacks callbacks;
  Clock::time_point asked;
  SamplingOptions sampling;
  std::string affinity;
  std::vector<TokenId> tokens;  // of the sequence before this Generate
  chat::StopMatcher matcher;
  TextToTokens splitter;
  GenerateResult result;
  std::optional<StopReason> stopped;
  Clock::time_point stopped_at;
  bool started = false;
  std::size_t server_tokens = 0;    // generated in earlier attempts, by the server's count
  std::optional<std::size_t> room;  // what the context still takes, once the server said so
  int retries = 0;
  int quiet_attempts = 0;  // continuations in a row that brought nothing
  Clock::time_point not_before;
  std::optional<Attempt> attempt;
};

class EndpointEngine final : public Engine {
 public:
  EndpointEngine(EndpointOptions options, std::vector<Endpoint> endpoints, std::string model)
      : options_(std::move(options)),
        model_(std::move(model)),
        tokenizer_(chat::MakeByteTokenizer(options_.specials)),
        endpoints_(std::move(endpoints)),
        pool_(endpoints_.size()),
        random_(std::random_device{}()),
        multi_(curl_multi_init()) {
    MC_CHECK(multi_ != nullptr);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, static_cast<long>(options_.max_connections));
    info_.engine = "endpoint";
    info_.model = model_;
    info_.hints.name = model_;
    info_.context_tokens = options_.context_tokens;
    base::Json servers = base::Json::array();
    for (const Endpoint& endpoint : endpoints_) {
      servers.push_back(
          {{"url", endpoint.display}, {"server", Name(endpoint.models.kind)}, {"context_tokens", endpoint.models.context_tokens}});
    }
    info_.details = base::Json::object();
    info_.details["endpoints"] = std::move(servers);
    info_.details["token"] = "byte";  // the ids of this engine are bytes and control strings, not the server's tokens
    thread_ = std::thread([this] { Work(); });
  }

  ~EndpointEngine() override {
    {
      std::lock_guard lock(mutex_);
      ending_ = true;
    }
    curl_multi_wakeup(multi_);
    thread_.join();
    curl_multi_cleanup(multi_);
  }

  const EngineInfo& info() const override { return info_; }
  const chat::Tokenizer& tokenizer() const override { return *tokenizer_; }

  SequenceId Open(SequenceOptions options) override {
    std::lock_guard lock(mutex_);
    return Add({}, options, "");
  }

  SequenceId Fork(SequenceId source, SequenceOptions options) override {
    std::lock_guard lock(mutex_);
    const Sequence& from = At(source);
    MC_CHECK(!from.generating);
    return Add(from.tokens, options, from.affinity);
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
      sequence.cancelled = false;
      chat::StopMatcher matcher(options.stop);
      const Clock::time_point now = Clock::now();
      incoming_.push_back(Job{.sequence = id,
                              .options = std::move(options),
                              .callbacks = std::move(callbacks),
                              .asked = now,
                              .sampling = sequence.sampling,
                              .affinity = sequence.affinity,
                              .tokens = sequence.tokens,
                              .matcher = std::move(matcher),
                              .splitter = TextToTokens(*tokenizer_, options_.specials),
                              .not_before = now});
    }
    curl_multi_wakeup(multi_);
  }

  void Cancel(SequenceId id) override {
    {
      std::lock_guard lock(mutex_);
      Sequence& sequence = At(id);
      if (!sequence.generating) return;
      sequence.cancelled = true;
      ++cancellations_;
    }
    curl_multi_wakeup(multi_);
  }

  void RollBack(SequenceId id, std::size_t n_tokens) override {
    std::lock_guard lock(mutex_);
    Sequence& sequence = At(id);
    MC_CHECK(!sequence.generating && n_tokens <= sequence.tokens.size());
    sequence.tokens.resize(n_tokens);
  }

  std::vector<TokenId> Tokens(SequenceId id) const override {
    std::lock_guard lock(mutex_);
    const auto found = sequences_.find(id);
    MC_CHECK(found != sequences_.end());
    return found->second.tokens;
  }

  void Close(SequenceId id) override {
    Cancel(id);
    std::unique_lock lock(mutex_);
    const Sequence& sequence = At(id);
    idle_.wait(lock, [this, id, &sequence] { return !sequence.generating && in_callback_ != id; });
    pool_.RemoveUser(sequence.affinity);
    sequences_.erase(id);
  }

  EngineStats stats() const override {
    std::lock_guard lock(mutex_);
    return stats_;
  }

 private:
  struct Sequence {
    std::vector<TokenId> tokens;
    SamplingOptions sampling;
    std::string affinity;
    bool generating = false;
    bool cancelled = false;
  };

  // Precondition: mutex_ is held. References stay valid while other sequences come and go.
  Sequence& At(SequenceId id) {
    const auto found = sequences_.find(id);
    MC_CHECK(found != sequences_.end());
    return found->second;
  }

  // Precondition: mutex_ is held. `inherited`: the affinity of a fork's source.
  SequenceId Add(std::vector<TokenId> tokens, const SequenceOptions& options, const std::string& inherited) {
    const SequenceId id = next_id_++;
    std::string affinity = inherited;
    if (!options.affinity.empty()) affinity = "=" + options.affinity;
    if (affinity.empty()) affinity = "#" + std::to_string(id);  // keeps to one server all the same
    pool_.AddUser(affinity);
    sequences_.emplace(id, Sequence{std::move(tokens), options.sampling, std::move(affinity)});
    return id;
  }

  // ---- The IO thread. `jobs_` and all in them belong to it.

  void Work() {
    while (true) {
      if (!TakeCommands()) break;
      const Clock::time_point now = Clock::now();
      for (Job& job : jobs_) {
        if (!job.attempt && job.not_before <= now && active_ < options_.max_connections) Start(job);
      }
      int running = 0;
      curl_multi_perform(multi_, &running);
      TakeFinished();
      CheckTimes();
      curl_multi_poll(multi_, nullptr, 0, Wait(), nullptr);
    }
    while (!jobs_.empty()) Finish(jobs_.begin(), StopReason::kCancelled);
  }

  // New jobs, cancelled ones, the end (false).
  bool TakeCommands() {
    std::unique_lock lock(mutex_);
    jobs_.splice(jobs_.end(), incoming_);
    if (ending_) return false;
    if (std::exchange(cancellations_, 0) > 0) {
      for (auto job = jobs_.begin(); job != jobs_.end();) {
        const auto here = job++;
        if (!At(here->sequence).cancelled) continue;
        lock.unlock();
        Finish(here, StopReason::kCancelled);
        lock.lock();
      }
    }
    return true;
  }

  void Start(Job& job) {
    const Clock::time_point now = Clock::now();
    if (job.server_tokens >= job.options.max_tokens) {
      ending_jobs_.push_back({&job, StopReason::kMaxTokens});
      job.not_before = Clock::time_point::max();
      return;
    }
    EndpointPool::Choice choice;
    {
      std::lock_guard lock(mutex_);
      choice = pool_.Choose(job.affinity, now);
      if (choice.when <= now) pool_.Started(choice.endpoint);
    }
    if (choice.when > now) {
      job.not_before = choice.when + Jitter(milliseconds(20));
      return;
    }
    const Endpoint& endpoint = endpoints_[choice.endpoint];
    if (!std::exchange(job.started, true)) job.result.queued = Since(job.asked);
    job.attempt.emplace();
    Attempt& attempt = *job.attempt;
    attempt.endpoint = choice.endpoint;
    attempt.asked_tokens = job.options.max_tokens - job.server_tokens;
    if (job.room) attempt.asked_tokens = std::min(attempt.asked_tokens, *job.room);
    if (endpoint.stop_strings) attempt.hints = Hints(job.options.stop);

    std::vector<TokenId> tokens = job.tokens;
    tokens.insert(tokens.end(), job.result.tokens.begin(), job.result.tokens.end());
    CompletionRequest request{
        .kind = endpoint.models.kind,
        .model = options_.model.empty() && !endpoint.models.models.empty() ? endpoint.models.models.front() : model_,
        .prompt = PromptText(tokens, *tokenizer_, options_.specials),
        .max_tokens = attempt.asked_tokens,
        .sampling = job.sampling,
        .stop = attempt.hints,
        .specials = options_.specials,
        .standard_only = endpoint.standard_only};
    Job* const owner = &job;
    attempt.transfer = std::make_unique<Transfer>(options_, endpoint.url + "/completions", ToBody(request),
                                                  [this, owner](std::string_view bytes) { return Receive(*owner, bytes); });
    curl_easy_setopt(attempt.transfer->handle(), CURLOPT_PRIVATE, owner);
    ++active_;
    curl_multi_add_handle(multi_, attempt.transfer->handle());
  }

  // Stop strings for the server. It cannot know where a line or a fence begins: where it stops too early, the next request goes on.
  std::vector<std::string> Hints(const chat::StopRule& rule) const {
    std::vector<std::string> hints;
    const auto add = [&hints](std::string text) {
      if (!text.empty() && std::ranges::find(hints, text) == hints.end()) hints.push_back(std::move(text));
    };
    for (const TokenId token : rule.tokens) add(tokenizer_->Piece(token));
    for (const std::string& text : rule.strings) add(text);
    for (const chat::StopRule::Fence& fence : rule.fences) add(fence.close.empty() ? "\n" + fence.open : "\n" + fence.close + "\n");
    return hints;
  }

  // Bytes of the answer; false ends the transfer.
  bool Receive(Job& job, std::string_view bytes) {
    Attempt& attempt = *job.attempt;
    if (attempt.transfer->status() != 200 || !attempt.transfer->is_event_stream()) {
      constexpr std::size_t kMostBody = std::size_t{16} << 20;
      if (attempt.body.size() + bytes.size() > kMostBody) return false;
      attempt.body += bytes;
      return true;
    }
    for (const SseParser::Event& event : attempt.sse.Feed(bytes)) {
      if (!Handle(job, event)) return false;
    }
    if (attempt.sse.broken()) attempt.broken = "a line of the stream is longer than any completion";
    return attempt.broken.empty();
  }

  bool Handle(Job& job, const SseParser::Event& event) {
    Attempt& attempt = *job.attempt;
    if (event.data == "[DONE]") return true;
    std::optional<CompletionChunk> chunk = ParseChunk(event.data, endpoints_[attempt.endpoint].models.kind);
    if (!chunk && event.field == "error") chunk.emplace().error = base::Json{{"message", event.data}};
    if (!chunk) {
      attempt.broken = "an event of the stream is no completion: " + event.data.substr(0, 80);
      return false;
    }
    return Take(job, std::move(*chunk));
  }

  bool Take(Job& job, CompletionChunk chunk) {
    Attempt& attempt = *job.attempt;
    if (chunk.error) {
      attempt.error = std::move(chunk.error);
      return false;
    }
    if (!chunk.text.empty()) {
      ++attempt.text_chunks;
      if (!job.stopped) Say(job, job.splitter.Feed(chunk.text));
    }
    if (!chunk.finish_reason.empty()) {
      attempt.end.finish_reason = chunk.finish_reason;
      attempt.end.stop = chunk.stop;
      attempt.end.stop_string = chunk.stop_string;
      attempt.end.context_full = chunk.context_full;
    }
    if (chunk.completion_tokens) attempt.end.completion_tokens = chunk.completion_tokens;
    if (chunk.prompt_tokens) attempt.end.prompt_tokens = chunk.prompt_tokens;
    if (chunk.cached_tokens) attempt.end.cached_tokens = chunk.cached_tokens;
    // A server that knows the stop ends the stream itself, and its connection stays open for the next request.
    return !job.stopped || !attempt.hints.empty();
  }

  // Takes tokens up to the first stop. A token of this engine is a byte or a control string, so a stop never cuts one.
  void Say(Job& job, const std::vector<TokenId>& tokens) {
    const std::size_t reported = job.result.tokens.size();
    for (const TokenId token : tokens) {
      if (job.stopped) break;
      job.result.tokens.push_back(token);
      if (job.matcher.IsStopToken(token)) {
        job.stopped = StopReason::kStopToken;
      } else if (token < 256) {
        const char byte = static_cast<char>(token);
        if (job.matcher.Feed({&byte, 1})) job.stopped = StopReason::kStopString;
      }
    }
    if (job.stopped) job.stopped_at = Clock::now();
    if (job.callbacks.on_tokens && job.result.tokens.size() > reported) {
      job.callbacks.on_tokens(std::span(job.result.tokens).subspan(reported));
    }
  }

  void TakeFinished() {
    int left = 0;
    std::vector<std::pair<Job*, CURLcode>> finished;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      void* owner = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
      finished.emplace_back(static_cast<Job*>(owner), message->data.result);
    }
    for (const auto& [job, code] : finished) {
      Attempt attempt = Detach(*job);
      Conclude(*job, attempt, code);
    }
    EndJobs();
  }

  void CheckTimes() {
    const Clock::time_point now = Clock::now();
    for (Job& job : jobs_) {
      if (!job.attempt) continue;
      const bool drained = job.stopped && now - job.stopped_at >= kGrace;
      const bool idle = now - job.attempt->transfer->last_byte() >= options_.idle_timeout;
      if (!drained && !idle) continue;
      Attempt attempt = Detach(job);
      if (job.stopped) {
        Conclude(job, attempt, CURLE_OK);
      } else {
        Count(job, attempt);
        Retry(job, attempt.endpoint, "no byte for " + std::to_string(options_.idle_timeout.count()) + " ms", {});
      }
    }
    EndJobs();
  }

  // Takes the attempt off the wire. A transfer that has not ended loses its connection.
  Attempt Detach(Job& job) {
    Attempt attempt = std::move(*job.attempt);
    job.attempt.reset();
    curl_multi_remove_handle(multi_, attempt.transfer->handle());
    --active_;
    std::lock_guard lock(mutex_);
    pool_.Ended(attempt.endpoint);
    return attempt;
  }

  // What the server generated for this attempt, also where it broke.
  void Count(Job& job, const Attempt& attempt) {
    job.server_tokens += attempt.end.completion_tokens.value_or(attempt.text_chunks);
    std::lock_guard lock(mutex_);
    stats_.decoded_tokens += attempt.end.completion_tokens.value_or(attempt.text_chunks);
    const std::size_t cached = attempt.end.cached_tokens.value_or(0);
    stats_.reused_tokens += cached;
    stats_.prefilled_tokens += attempt.end.prompt_tokens.value_or(0) - std::min(cached, attempt.end.prompt_tokens.value_or(0));
    ++stats_.batches;
  }

  // The exchange is over, with `code` of curl. Decides what it meant: the end of the Generate, a retry, or the next request.
  void Conclude(Job& job, Attempt& attempt, CURLcode code) {
    Endpoint& endpoint = endpoints_[attempt.endpoint];
    const long status = attempt.transfer->status();
    if (code == CURLE_OK && status == 200 && !job.stopped) {
      if (!attempt.body.empty()) {
        Handle(job, {"data", attempt.body});  // a server that does not stream
      } else if (const auto last = attempt.sse.Finish()) {
        Handle(job, *last);
      }
    }
    Count(job, attempt);
    if (job.stopped) return Done(job, *job.stopped);
    if (attempt.error) return Fault(job, attempt, Classify(200, base::Dump(base::Json{{"error", *attempt.error}})));
    if (!attempt.broken.empty()) return Retry(job, attempt.endpoint, attempt.broken, {});
    if (code != CURLE_OK && attempt.end.finish_reason.empty()) {
      // A certificate that does not verify will not verify a second time.
      if (code == CURLE_PEER_FAILED_VERIFICATION || code == CURLE_SSL_CACERT_BADFILE) {
        return Fail(job, endpoint.display + ": " + attempt.transfer->Why(code));
      }
      return Retry(job, attempt.endpoint, attempt.transfer->Why(code), {});
    }
    if (status != 200) return Fault(job, attempt, Classify(status, attempt.body));
    if (attempt.end.finish_reason.empty()) return Retry(job, attempt.endpoint, "the stream ended before the completion did", {});
    Ended(job, attempt);
  }

  // The server says that the completion is whole.
  void Ended(Job& job, const Attempt& attempt) {
    const std::string& reason = attempt.end.finish_reason;
    Say(job, job.splitter.Finish());
    if (job.stopped) return Done(job, *job.stopped);
    if (reason == "length") {
      const bool full = attempt.end.context_full || (job.room && attempt.asked_tokens == *job.room) ||
                        attempt.end.completion_tokens.value_or(attempt.asked_tokens) < attempt.asked_tokens;
      return Done(job, full ? StopReason::kContextFull : StopReason::kMaxTokens);
    }
    if (reason == "abort" || reason == "error") return Retry(job, attempt.endpoint, "the server gave up (" + reason + ")", {});
    if (reason != "stop" && reason != "stop_sequence" && reason != "eos_token") {
      return Fail(job, endpoints_[attempt.endpoint].display + ": the completion ended for an unknown reason '" + reason + "'");
    }
    if (attempt.hints.empty() || attempt.end.stop == Stop::kEndOfText) return Done(job, StopReason::kEndOfGeneration);
    std::string hit = attempt.end.stop == Stop::kString ? attempt.end.stop_string : "";
    // A server that does not say: with one control string to choose from there is nothing to guess.
    if (attempt.end.stop == Stop::kNotSaid && attempt.hints.size() == 1 && job.options.stop.tokens.size() == 1)
      hit = attempt.hints.front();
    if (!hit.empty()) {
      if (std::ranges::find(attempt.hints, hit) == attempt.hints.end()) return Done(job, StopReason::kEndOfGeneration);
      // Servers that were asked to keep the string in the text and did are done above, fences apart.
      if (!EndsWith(job, hit)) {
        Say(job, job.splitter.Feed(hit));
        Say(job, job.splitter.Finish());
      }
      if (job.stopped) return Done(job, *job.stopped);
    } else {
      // It stopped at one of several strings, or at the end of the text, and does not say where. Asked again without them, it
      // writes the string itself.
      endpoints_[attempt.endpoint].stop_strings = false;
    }
    // Too early (a line that only looked like a fence), or unknown: go on from here.
    job.quiet_attempts = attempt.text_chunks > 0 || !hit.empty() ? 0 : job.quiet_attempts + 1;
    if (job.quiet_attempts > 2) return Done(job, StopReason::kEndOfGeneration);
    job.not_before = Clock::now();
  }

  bool EndsWith(const Job& job, const std::string& text) const {
    std::string tail;
    for (std::size_t i = job.result.tokens.size(); i > 0 && tail.size() < text.size(); --i) {
      tail.insert(0, tokenizer_->Piece(job.result.tokens[i - 1]));
    }
    return tail.ends_with(text);
  }

  void Fault(Job& job, const Attempt& attempt, const FaultReport& report) {
    Endpoint& endpoint = endpoints_[attempt.endpoint];
    switch (report.fault) {
      case Fault::kRetry:
        return Retry(job, attempt.endpoint, report.message, attempt.transfer->retry_after());
      case Fault::kContextFull:
        if (report.room && *report.room < attempt.asked_tokens) {
          job.room = report.room;
          job.not_before = Clock::now();
          return;
        }
        job.result.error = endpoint.display + ": " + Redact(report.message);
        return Done(job, StopReason::kContextFull);
      case Fault::kUnknownWord:
        if (!std::exchange(endpoint.standard_only, true)) {
          job.not_before = Clock::now();
          return;
        }
        break;
      case Fault::kFatal:
        break;
    }
    Fail(job, endpoint.display + ": " + report.message);
  }

  void Retry(Job& job, std::size_t index, const std::string& why, std::chrono::seconds retry_after) {
    const std::string where = endpoints_[index].display;
    // What was held back as a possible control string has not been said; the server writes it again.
    job.splitter = TextToTokens(*tokenizer_, options_.specials);
    if (job.retries >= options_.max_retries) {
      return Fail(job, where + ": " + why + " (gave up after " + std::to_string(job.retries + 1) + " requests)");
    }
    const milliseconds backoff = std::min(options_.backoff * (std::int64_t{1} << std::min(job.retries, 16)), kLongestBackoff);
    milliseconds pause = backoff - Jitter(backoff / 2);
    if (retry_after.count() > 0) pause = std::max<milliseconds>(retry_after, milliseconds(1)) + Jitter(backoff / 2);
    ++job.retries;
    const Clock::time_point now = Clock::now();
    job.not_before = now;  // another endpoint may be well
    std::lock_guard lock(mutex_);
    ++stats_.retries;
    pool_.Avoid(index, now + pause);
  }

  void Done(Job& job, StopReason reason) {
    ending_jobs_.push_back({&job, reason});
    job.not_before = Clock::time_point::max();
  }

  void Fail(Job& job, const std::string& error) {
    job.result.error = Redact(error);
    ending_jobs_.push_back({&job, StopReason::kFailed});
    job.not_before = Clock::time_point::max();
  }

  // Servers like to repeat a wrong key in their answer.
  std::string Redact(std::string text) const {
    if (options_.api_key.empty()) return text;
    for (std::size_t at = text.find(options_.api_key); at != std::string::npos; at = text.find(options_.api_key, at + 3)) {
      text.replace(at, options_.api_key.size(), "***");
    }
    return text;
  }

  void EndJobs() {
    for (const auto& [ended, reason] : std::exchange(ending_jobs_, {})) {
      const Job* const job = ended;
      Finish(std::ranges::find_if(jobs_, [job](const Job& each) { return &each == job; }), reason);
    }
  }

  void Finish(std::list<Job>::iterator job, StopReason reason) {
    if (job->attempt) Detach(*job);
    GenerateResult result = std::move(job->result);
    result.reason = reason;
    result.elapsed = Since(job->asked);
    const SequenceId id = job->sequence;
    const auto on_done = std::move(job->callbacks.on_done);
    std::erase_if(ending_jobs_, [&job](const auto& each) { return each.first == &*job; });
    jobs_.erase(job);
    {
      std::lock_guard lock(mutex_);
      Sequence& sequence = At(id);
      if (reason != StopReason::kFailed) sequence.tokens.insert(sequence.tokens.end(), result.tokens.begin(), result.tokens.end());
      // Before on_done: whoever it wakes may ask for the next Generate at once.
      sequence.generating = false;
      in_callback_ = id;
    }
    if (on_done) on_done(std::move(result));
    {
      std::lock_guard lock(mutex_);
      in_callback_ = 0;
    }
    idle_.notify_all();
  }

  // Until something has to be done that no socket announces.
  int Wait() const {
    Clock::time_point next = Clock::now() + std::chrono::seconds(1);
    for (const Job& job : jobs_) {
      if (job.attempt) {
        next = std::min(next, job.stopped ? job.stopped_at + kGrace : job.attempt->transfer->last_byte() + options_.idle_timeout);
      } else if (active_ < options_.max_connections) {
        next = std::min(next, job.not_before);
      }
    }
    const auto left = std::chrono::ceil<milliseconds>(next - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(left.count(), 0));
  }

  milliseconds Jitter(milliseconds most) {
    return milliseconds(std::uniform_int_distribution<std::int64_t>(0, std::max<std::int64_t>(most.count(), 0))(random_));
  }

  static std::chrono::microseconds Since(Clock::time_point begin) {
    return std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
  }

  const EndpointOptions options_;
  const std::string model_;
  const std::unique_ptr<chat::Tokenizer> tokenizer_;
  EngineInfo info_;

  mutable std::mutex mutex_;
  std::condition_variable idle_;  // a Generate and its callbacks are over
  std::map<SequenceId, Sequence> sequences_;
  std::list<Job> incoming_;
  SequenceId next_id_ = 1;
  SequenceId in_callback_ = 0;
  int cancellations_ = 0;
  bool ending_ = false;
  EngineStats stats_;

  std::vector<Endpoint> endpoints_;  // of the IO thread
  EndpointPool pool_;                // under mutex_
  std::list<Job> jobs_;
  std::vector<std::pair<Job*, StopReason>> ending_jobs_;
  std::size_t active_ = 0;
  std::mt19937_64 random_;
  CURLM* const multi_;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Engine> OpenEndpoint(const EndpointOptions& options) {
  if (options.urls.empty()) throw base::Unavailable("no endpoint is given; give a URL like http://127.0.0.1:8080/v1");
  if (options.api_key.find_first_of("\r\n") != std::string::npos) {
    throw base::Unavailable("the API key in the environment holds a line break; set it to the key alone");
  }
  std::vector<Endpoint> endpoints = ProbeEndpoints(options);
  std::string model = options.model;
  if (model.empty()) model = endpoints.front().models.models.front();
  return std::make_unique<EndpointEngine>(options, std::move(endpoints), std::move(model));
}

}  // namespace mathcoder::engine

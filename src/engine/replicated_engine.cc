#include "engine/replicated_engine.h"

#include <algorithm>
#include <mutex>
#include <unordered_set>
#include <utility>

#include "base/check.h"

namespace mathcoder::engine {
namespace {

// A sequence's id is its own engine's id times the number of engines, plus the engine's place: nothing needs to be looked up.
class ReplicatedEngine final : public Engine {
 public:
  ReplicatedEngine(std::vector<std::unique_ptr<Engine>> engines, ReplicatedOptions options)
      : options_(options), engines_(std::move(engines)), open_(engines_.size()) {
    MC_CHECK(!engines_.empty());
    info_ = engines_.front()->info();
    info_.details["replicas"] = engines_.size();
    for (const char* sum : {"parallel", "context", "cache_bytes"}) {
      if (!info_.details.contains(sum)) continue;
      std::uint64_t all = 0;
      for (const auto& engine : engines_) all += engine->info().details.value(sum, std::uint64_t{0});
      info_.details[sum] = all;
    }
  }

  const EngineInfo& info() const override { return info_; }
  const chat::Tokenizer& tokenizer() const override { return engines_.front()->tokenizer(); }
  std::string ModelSha256() const override { return engines_.front()->ModelSha256(); }

  SequenceId Open(SequenceOptions options) override {
    const std::lock_guard lock(mutex_);
    const std::size_t place = Emptiest();
    return Opened(engines_[place]->Open(std::move(options)), place);
  }
  SequenceId Fork(SequenceId sequence, SequenceOptions options) override {
    const std::lock_guard lock(mutex_);
    const std::size_t parent = PlaceOf(sequence);
    const std::size_t place = Emptiest();
    if (!options_.forks_move || open_[parent].size() < open_[place].size() + 2) {
      return Opened(engines_[parent]->Fork(InnerOf(sequence), std::move(options)), parent);
    }
    const std::vector<TokenId> tokens = engines_[parent]->Tokens(InnerOf(sequence));
    const SequenceId child = engines_[place]->Open(std::move(options));
    engines_[place]->Append(child, tokens);
    return Opened(child, place);
  }
  void Append(SequenceId sequence, std::span<const TokenId> tokens) override {
    EngineOf(sequence).Append(InnerOf(sequence), tokens);
  }
  void Generate(SequenceId sequence, GenerateOptions options, GenerateCallbacks callbacks) override {
    EngineOf(sequence).Generate(InnerOf(sequence), std::move(options), std::move(callbacks));
  }
  void Cancel(SequenceId sequence) override { EngineOf(sequence).Cancel(InnerOf(sequence)); }
  void RollBack(SequenceId sequence, std::size_t n_tokens) override { EngineOf(sequence).RollBack(InnerOf(sequence), n_tokens); }
  std::vector<TokenId> Tokens(SequenceId sequence) const override { return EngineOf(sequence).Tokens(InnerOf(sequence)); }
  void Close(SequenceId sequence) override {
    EngineOf(sequence).Close(InnerOf(sequence));
    const std::lock_guard lock(mutex_);
    open_[PlaceOf(sequence)].erase(sequence);  // it may be unknown, or closed already
  }

  EngineStats stats() const override {
    EngineStats all;
    for (const auto& engine : engines_) {
      const EngineStats one = engine->stats();
      all.decoded_tokens += one.decoded_tokens;
      all.prefilled_tokens += one.prefilled_tokens;
      all.reused_tokens += one.reused_tokens;
      all.evictions += one.evictions;
      all.batches += one.batches;
      all.retries += one.retries;
    }
    return all;
  }

 private:
  SequenceId IdOf(SequenceId inner, std::size_t place) const { return inner * engines_.size() + place; }
  std::size_t PlaceOf(SequenceId sequence) const { return sequence % engines_.size(); }
  SequenceId InnerOf(SequenceId sequence) const { return sequence / engines_.size(); }
  Engine& EngineOf(SequenceId sequence) const { return *engines_[PlaceOf(sequence)]; }

  // With the lock.
  std::size_t Emptiest() const {
    const auto fewer = [](const auto& a, const auto& b) { return a.size() < b.size(); };
    return static_cast<std::size_t>(std::min_element(open_.begin(), open_.end(), fewer) - open_.begin());
  }
  SequenceId Opened(SequenceId inner, std::size_t place) {
    const SequenceId id = IdOf(inner, place);
    open_[place].insert(id);
    return id;
  }

  const ReplicatedOptions options_;
  const std::vector<std::unique_ptr<Engine>> engines_;
  EngineInfo info_;
  std::mutex mutex_;
  std::vector<std::unordered_set<SequenceId>> open_;  // by engine
};

}  // namespace

std::unique_ptr<Engine> MakeReplicatedEngine(std::vector<std::unique_ptr<Engine>> engines, ReplicatedOptions options) {
  return std::make_unique<ReplicatedEngine>(std::move(engines), options);
}

}  // namespace mathcoder::engine

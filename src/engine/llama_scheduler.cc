#include "engine/llama_scheduler.h"

#include <algorithm>

#include "base/check.h"

namespace mathcoder::engine {

LlamaScheduler::LlamaScheduler(Backend& backend, const chat::Tokenizer& tokenizer, SchedulerOptions options)
    : backend_(backend),
      tokenizer_(tokenizer),
      options_([&] {
        options.pool.deterministic = options.deterministic;
        options.prefill_chunk = std::clamp<std::size_t>(options.prefill_chunk, 1, backend.shape().batch);
        options.parallel = std::max<std::size_t>(options.parallel, 1);
        const std::size_t most = std::min(backend.shape().cells, backend.shape().seat_cells);
        options.sequence_context = options.sequence_context == 0 ? most : std::min(most, options.sequence_context);
        return options;
      }()),
      pool_(backend, options_.pool) {
  control_.assign(tokenizer.size(), -1);
}

LlamaScheduler::Sequence& LlamaScheduler::Get(SequenceId id) {
  const auto found = sequences_.find(id);
  MC_CHECK(found != sequences_.end() && !found->second->closing);
  return *found->second;
}

SequenceId LlamaScheduler::Open(SequenceOptions options) {
  const SequenceId id = next_id_++;
  auto sequence = std::make_unique<Sequence>();
  sequence->id = id;
  sequence->options = std::move(options);
  sequences_.emplace(id, std::move(sequence));
  return id;
}

SequenceId LlamaScheduler::Fork(SequenceId parent, SequenceOptions options) {
  // The child's cache is found by its tokens when it first generates: by then the parent's may be longer, or gone.
  const SequenceId id = Open(std::move(options));
  const Sequence& from = Get(parent);
  Sequence& child = Get(id);
  child.tokens = from.tokens;
  child.borders = from.borders;
  child.computed = from.computed;
  return id;
}

void LlamaScheduler::Append(SequenceId id, std::span<const TokenId> tokens) {
  Sequence& sequence = Get(id);
  MC_CHECK(!sequence.generating);
  for (const TokenId token : tokens) MC_CHECK(token >= 0 && static_cast<std::size_t>(token) < backend_.shape().vocabulary);
  sequence.tokens.insert(sequence.tokens.end(), tokens.begin(), tokens.end());
}

void LlamaScheduler::Generate(SequenceId id, GenerateOptions options, GenerateCallbacks callbacks) {
  Sequence& sequence = Get(id);
  MC_CHECK(!sequence.generating && !sequence.tokens.empty());
  sequence.generating = true;
  sequence.active = false;
  sequence.cancelled = false;
  sequence.started = false;
  sequence.order = next_order_++;
  sequence.generate = std::move(options);
  sequence.callbacks = std::make_shared<const GenerateCallbacks>(std::move(callbacks));
  sequence.matcher.reset();
  if (!sequence.generate.stop.strings.empty() || !sequence.generate.stop.fences.empty()) {
    sequence.matcher.emplace(sequence.generate.stop);
  }
  sequence.start = sequence.tokens.size();
  sequence.result = {};
  sequence.asked = Clock::now();
  PlanBorders(sequence);
  generating_.push_back(&sequence);
  ++running_;
}

void LlamaScheduler::Cancel(SequenceId id) {
  const auto found = sequences_.find(id);
  if (found != sequences_.end() && found->second->generating) found->second->cancelled = true;
}

bool LlamaScheduler::BatchIsUnwanted() const {
  return std::all_of(work_.begin(), work_.end(), [this](const Work& work) { return sequences_.at(work.sequence)->cancelled; });
}

void LlamaScheduler::CancelAll() {
  for (Sequence* sequence : generating_) sequence->cancelled = true;
}

void LlamaScheduler::RollBack(SequenceId id, std::size_t n_tokens) {
  Sequence& sequence = Get(id);
  MC_CHECK(!sequence.generating && n_tokens <= sequence.tokens.size());
  sequence.tokens.resize(n_tokens);
  CutBorders(sequence, n_tokens);
}

void LlamaScheduler::CutBorders(Sequence& sequence, std::size_t end) {
  const std::size_t last = std::min(sequence.computed, end);
  while (!sequence.borders.empty() && sequence.borders.back() > last) sequence.borders.pop_back();
  sequence.computed = sequence.borders.empty() ? 0 : sequence.borders.back();  // only whole chunks count
}

const std::vector<TokenId>& LlamaScheduler::Tokens(SequenceId id) const {
  return const_cast<LlamaScheduler*>(this)->Get(id).tokens;
}

void LlamaScheduler::Close(SequenceId id) {
  const auto found = sequences_.find(id);
  if (found == sequences_.end() || found->second->closing) return;
  found->second->closing = true;
  found->second->cancelled = true;
  closing_.push_back(id);
}

EngineStats LlamaScheduler::stats() const {
  EngineStats stats = stats_;
  stats.evictions = pool_.evictions();
  return stats;
}

std::size_t LlamaScheduler::Pending(const Sequence& sequence) const {
  return sequence.tokens.size() - pool_.Held(pool_.SeatOf(sequence.id));
}

// Where the chunks of a sequence end depends on its own history alone: on what was appended between Generates, never on what
// else was in a batch. A roll-back takes whole chunks away; what is left of a chunk begins the next one.
void LlamaScheduler::PlanBorders(Sequence& sequence) const {
  if (!options_.deterministic) return;
  std::size_t end = sequence.borders.empty() ? 0 : sequence.borders.back();
  while (end < sequence.tokens.size()) {
    end = std::min(end + options_.prefill_chunk, sequence.tokens.size());
    sequence.borders.push_back(static_cast<std::uint32_t>(end));
  }
}

void LlamaScheduler::Finish(Sequence& sequence, StopReason reason, std::vector<Event>& events) {
  sequence.generating = false;
  sequence.active = false;
  pool_.Park(sequence.id);
  std::erase(generating_, &sequence);
  --running_;
  GenerateResult& result = sequence.result;
  result.reason = reason;
  if (reason == StopReason::kFailed) {
    sequence.tokens.resize(sequence.start);
  }
  CutBorders(sequence, sequence.tokens.size());
  result.tokens.assign(sequence.tokens.begin() + static_cast<std::ptrdiff_t>(sequence.start), sequence.tokens.end());
  result.elapsed = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - sequence.asked);
  events.push_back({sequence.id, std::move(sequence.callbacks), {}, std::move(result)});
}

void LlamaScheduler::EndCancelled(std::vector<Event>& events) {
  for (std::size_t i = 0; i < generating_.size();) {
    if (generating_[i]->cancelled) {
      Finish(*generating_[i], StopReason::kCancelled, events);  // removes it from the list
    } else {
      ++i;
    }
  }
  for (const SequenceId id : closing_) {
    pool_.Close(id);
    sequences_.erase(id);
  }
  closing_.clear();
}

// Equal beginnings are computed once: who comes later waits while an active sequence computes what both begin with. A short
// common beginning is not worth it, unless it is all that is to be computed.
bool LlamaScheduler::WaitsForLeader(const Sequence& sequence) const {
  if (!backend_.shape().can_cut) return false;
  constexpr std::size_t kWorthWaiting = 16;
  std::optional<std::size_t> reusable;
  for (const Sequence* leader : generating_) {
    if (!leader->active) continue;
    const std::size_t common = pool_.Common(PlanOf(sequence), PlanOf(*leader));
    if (common <= pool_.Held(pool_.SeatOf(leader->id))) continue;  // it is there already
    if (!reusable) reusable = pool_.Reusable(sequence.id, PlanOf(sequence));
    if (common <= *reusable) continue;
    if (options_.deterministic || common + 1 == sequence.tokens.size() || common - *reusable >= kWorthWaiting) return true;
  }
  return false;
}

void LlamaScheduler::Admit(std::vector<Event>& events) {
  std::size_t active = 0;
  for (const Sequence* sequence : generating_) active += sequence->active ? 1 : 0;
  if (active == generating_.size()) return;
  const std::vector<Sequence*> candidates = generating_;
  // Who still has a cache comes first: taking that cache away for a newcomer would only make work.
  for (const bool seated : {true, false}) {
    for (Sequence* sequence : candidates) {
      if (active >= options_.parallel) return;
      if (!sequence->generating || sequence->active || (pool_.SeatOf(sequence->id) >= 0) != seated) continue;
      if (!sequence->started && sequence->tokens.size() >= options_.sequence_context) {
        sequence->started = true;
        Finish(*sequence, StopReason::kContextFull, events);
        continue;
      }
      if (!sequence->started && sequence->generate.max_tokens == 0) {
        Finish(*sequence, StopReason::kMaxTokens, events);
        continue;
      }
      if (WaitsForLeader(*sequence)) continue;
      // Room to grow as well, lest a sequence be computed again only to be preempted again.
      const std::size_t margin = active == 0 ? 0 : std::min(backend_.shape().cells / 8, 32 * (active + 1));
      if (!pool_.CanClaim(sequence->id, PlanOf(*sequence), margin)) {
        if (active > 0) return;
        // Nothing else runs and still it does not fit: it is longer than all cells together.
        if (sequence->tokens.size() > backend_.shape().cells) {
          Finish(*sequence, StopReason::kContextFull, events);
          continue;
        }
      }
      const std::size_t reused = pool_.Claim(sequence->id, PlanOf(*sequence));
      sequence->active = true;
      ++active;
      if (!sequence->started) {
        sequence->started = true;
        sequence->result.cached_tokens = reused;
        sequence->result.prefilled_tokens = sequence->tokens.size() - reused;
        sequence->result.queued = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - sequence->asked);
      }
      stats_.reused_tokens += reused;
    }
  }
}

std::size_t LlamaScheduler::AddRows(Sequence& sequence, std::size_t most) {
  const std::int32_t seat = pool_.SeatOf(sequence.id);
  const std::size_t held = pool_.Held(seat);
  std::size_t end = std::min(sequence.tokens.size(), held + most);
  if (options_.deterministic) {
    end = *std::upper_bound(sequence.borders.begin(), sequence.borders.end(), static_cast<std::uint32_t>(held));
  }
  const bool samples = end == sequence.tokens.size();
  work_.push_back({sequence.id, rows_.size(), end - held, samples});
  for (std::size_t i = held; i < end; ++i) {
    rows_.push_back({sequence.tokens[i], static_cast<std::int32_t>(i), seat, samples && i + 1 == end});
  }
  return end - held;
}

bool LlamaScheduler::Compose() {
  rows_.clear();
  work_.clear();
  std::vector<Sequence*> decoding;
  std::vector<Sequence*> prefilling;
  for (Sequence* sequence : generating_) {
    if (!sequence->active) continue;
    (Pending(*sequence) == 1 ? decoding : prefilling).push_back(sequence);
  }
  if (decoding.empty() && prefilling.empty()) return false;
  const BackendShape& shape = backend_.shape();

  if (options_.deterministic) {
    // One sequence a batch, the sequences in turn: the one whose turn is longest ago.
    Sequence* next = nullptr;
    for (Sequence* sequence : generating_) {
      if (sequence->active && (next == nullptr || sequence->turn < next->turn)) next = sequence;
    }
    next->turn = ++turns_;
    AddRows(*next, shape.batch);
    return true;
  }

  // Decoding and prefilling take turns where they cannot share a batch.
  const std::size_t chunk = decoding.empty() ? shape.batch : options_.prefill_chunk;
  const bool mixes = shape.shared_cells && (shape.dense_from == 0 || decoding.size() + chunk < shape.dense_from);
  const bool decode = !decoding.empty() && (mixes || prefilling.empty() || !decoded_last_);
  if (decode) {
    std::size_t most = shape.batch;
    if (shape.shared_cells && shape.dense_from > 1) most = std::min(most, shape.dense_from - 1);
    if (decoding.size() > most) {
      std::stable_sort(decoding.begin(), decoding.end(), [](const Sequence* a, const Sequence* b) { return a->turn < b->turn; });
      decoding.resize(most);
    }
    // Neighbouring streams go into one computation.
    if (!shape.shared_cells) {
      std::sort(decoding.begin(), decoding.end(),
                [this](const Sequence* a, const Sequence* b) { return pool_.SeatOf(a->id) < pool_.SeatOf(b->id); });
    }
    ++turns_;
    for (Sequence* sequence : decoding) {
      sequence->turn = turns_;
      AddRows(*sequence, 1);
    }
    decoded_last_ = true;
    if (!mixes) return true;
  }
  decoded_last_ = decode && mixes && prefilling.empty();
  std::size_t room = std::min(chunk, shape.batch - rows_.size());
  for (Sequence* sequence : prefilling) {
    // A batch that attention treats densely is of one sequence; a small one may be of several.
    if (!rows_.empty() && shape.dense_from > 0)
      room = std::min(room, shape.dense_from - 1 - std::min(rows_.size(), shape.dense_from - 1));
    if (room == 0) break;
    room -= AddRows(*sequence, room);
    if (!shape.shared_cells) break;
  }
  return true;
}

void LlamaScheduler::Preempt(Sequence& sequence) {
  pool_.Drop(sequence.id);
  sequence.active = false;
}

bool LlamaScheduler::Plan(std::vector<Event>& events) {
  EndCancelled(events);
  Admit(events);
  while (Compose()) {
    if (pool_.Reserve(rows_.size())) return true;
    MakeRoom(events);
  }
  return false;
}

// Nothing is parked any more: the youngest gives its cells back and will be prefilled again when there is room.
void LlamaScheduler::MakeRoom(std::vector<Event>& events) {
  Sequence* youngest = nullptr;
  std::size_t active = 0;
  for (Sequence* sequence : generating_) {
    if (!sequence->active) continue;
    ++active;
    if (youngest == nullptr || sequence->order > youngest->order) youngest = sequence;
  }
  MC_CHECK(youngest != nullptr);
  if (active > 1) {
    Preempt(*youngest);
  } else {
    Finish(*youngest, StopReason::kContextFull, events);
  }
}

void LlamaScheduler::Compute() { status_ = backend_.Decode(rows_); }

void LlamaScheduler::Apply(std::vector<Event>& events) {
  if (status_ == Backend::Status::kNoCells) {
    // The pool's count and the library's differ (cells that a sliding window still holds): drop something and try again.
    if (!pool_.DropOne()) MakeRoom(events);
    return;
  }
  if (status_ == Backend::Status::kInterrupted) {
    for (const Work& work : work_) pool_.Restore(pool_.SeatOf(work.sequence));
    return;
  }
  if (status_ == Backend::Status::kFailed) {
    const std::string error = backend_.error();
    backend_.Clear();
    pool_.ForgetAll();
    std::vector<Sequence*> failed;
    for (const Work& work : work_) failed.push_back(sequences_.at(work.sequence).get());
    for (Sequence* sequence : std::vector<Sequence*>(generating_)) {
      sequence->active = false;
      if (std::find(failed.begin(), failed.end(), sequence) == failed.end()) continue;
      sequence->result.error = "llama.cpp: " + error;
      Finish(*sequence, StopReason::kFailed, events);
    }
    return;
  }
  ++stats_.batches;
  for (const Work& work : work_) {
    Sequence& sequence = *sequences_.at(work.sequence);
    const std::int32_t seat = pool_.SeatOf(sequence.id);
    const std::size_t held = pool_.Held(seat);
    pool_.Extend(seat, std::span(sequence.tokens).subspan(held, work.rows));
    const bool decoded = sequence.tokens.size() > sequence.start && work.rows == 1;
    (decoded ? stats_.decoded_tokens : stats_.prefilled_tokens) += work.rows;
    if (sequence.cancelled) continue;
    sequence.computed = std::max(sequence.computed, held + work.rows);
    if (!work.samples) continue;
    const auto token = sampler_.Sample(sequence.options.sampling, backend_.Logits(work.first_row + work.rows - 1), sequence.tokens);
    if (token) {
      Accept(sequence, *token, events);
    } else {
      sequence.result.error = "the model gave no finite logit at token " + std::to_string(sequence.tokens.size());
      Finish(sequence, StopReason::kFailed, events);
    }
  }
}

bool LlamaScheduler::IsControl(TokenId token) {
  std::int8_t& known = control_[static_cast<std::size_t>(token)];
  if (known < 0) known = tokenizer_.Special(tokenizer_.Piece(token)) == token ? 1 : 0;
  return known == 1;
}

void LlamaScheduler::Accept(Sequence& sequence, TokenId token, std::vector<Event>& events) {
  std::optional<StopReason> reason;
  bool keep = true;
  const std::vector<TokenId>& stops = sequence.generate.stop.tokens;
  if (std::find(stops.begin(), stops.end(), token) != stops.end()) {
    reason = StopReason::kStopToken;
  } else if (tokenizer_.IsEndOfGeneration(token)) {
    reason = StopReason::kEndOfGeneration;
  } else if (sequence.matcher && !IsControl(token)) {
    const std::string piece = tokenizer_.Piece(token);
    if (const auto stop = sequence.matcher->Feed(piece)) {
      reason = StopReason::kStopString;
      keep = stop->overshoot == 0;
      if (!keep) sequence.result.residual = piece.substr(0, piece.size() - stop->overshoot);
    }
  }
  if (keep) {
    sequence.tokens.push_back(token);
    if (sequence.callbacks->on_tokens) events.push_back({sequence.id, sequence.callbacks, {token}, std::nullopt});
  }
  if (!reason && sequence.tokens.size() - sequence.start >= sequence.generate.max_tokens) reason = StopReason::kMaxTokens;
  if (!reason && sequence.tokens.size() >= options_.sequence_context) reason = StopReason::kContextFull;
  if (reason) {
    Finish(sequence, *reason, events);  // the last token is computed together with what will be appended
  } else {
    PlanBorders(sequence);
  }
}

}  // namespace mathcoder::engine

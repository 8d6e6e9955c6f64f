#include "engine/llama_backend.h"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "base/check.h"
#include "base/error.h"
#include "engine/llama_handles.h"
#include "engine/llama_log.h"
#include "engine/thread_ladder.h"

namespace mathcoder::engine {
namespace {

// Threads of one core share its vector units: one a core is what matrix products want.
unsigned PhysicalCores() {
  std::set<std::string> cores;
  for (unsigned cpu = 0; cpu < 4096; ++cpu) {
    const std::string folder = "/sys/devices/system/cpu/cpu" + std::to_string(cpu);
    std::ifstream siblings(folder + "/topology/thread_siblings_list");
    std::string line;
    if (!std::getline(siblings, line)) break;
    cores.insert(line);
  }
  const unsigned usable = std::max(1U, std::thread::hardware_concurrency());  // what this process may run on
  return cores.empty() ? usable : std::min(usable, static_cast<unsigned>(cores.size()));
}

std::uint64_t AvailableMemory() {
  std::ifstream meminfo("/proc/meminfo");
  std::string key;
  std::uint64_t kilobytes = 0;
  std::string unit;
  while (meminfo >> key >> kilobytes >> unit) {
    if (key == "MemAvailable:") return kilobytes << 10;
  }
  return std::uint64_t{4} << 30;
}

// Not in deterministic mode: it is the one operation that divides a sum among threads, and so depends on their number.
bool UsesFlash(const LlamaOptions& options) { return options.flash_attention && !options.cache_f32 && !options.deterministic; }
bool AdaptsThreads(const LlamaOptions& options, const ContextPlan& plan) { return options.threads == 0 && plan.threads > 1; }

class LlamaBackend final : public Backend {
 public:
  LlamaBackend(const LlamaOptions& options, const LlamaModel& model, const ContextPlan& plan) {
    llama_context_params params = llama_context_default_params();
    params.n_ctx = static_cast<std::uint32_t>(plan.cells);
    params.n_batch = options.batch;
    params.n_ubatch = options.batch;
    params.n_seq_max = static_cast<std::uint32_t>(plan.seats);
    // The library reserves an output for each sequence, and aborts where a small context allows fewer.
    params.n_outputs_max = std::max(params.n_batch, params.n_seq_max);
    params.n_threads = plan.threads;
    params.n_threads_batch = plan.threads;
    // Flash attention passes over masked cells; without it a batch costs what all cells times all rows cost.
    params.flash_attn_type = UsesFlash(options) ? LLAMA_FLASH_ATTN_TYPE_AUTO : LLAMA_FLASH_ATTN_TYPE_DISABLED;
    params.kv_unified = plan.shared_cells;
    params.swa_full = true;  // a sliding window that forgets cells could not be rolled back
    params.no_perf = true;
    params.abort_callback = [](void* flag) { return static_cast<std::atomic<bool>*>(flag)->load(std::memory_order_relaxed); };
    params.abort_callback_data = &interrupted_;
    const ggml_type type = options.cache_f32 ? GGML_TYPE_F32 : GGML_TYPE_F16;
    params.type_k = type;
    params.type_v = type;
    ForgetLlamaErrors();
    context_.reset(llama_init_from_model(model.get(), params));
    if (!context_) {
      const std::string cause = FirstLlamaError();
      throw base::BadInput("model " + options.model.string() + ": no context of " + std::to_string(plan.cells) + " tokens (" +
                           std::to_string(plan.cells * model.cell_bytes(options.cache_f32 ? 4 : 2) >> 20) +
                           " MiB) can be made; ask for less with -c or -j" + (cause.empty() ? "" : " (" + cause + ")"));
    }
    if (!model.adapters().empty()) {
      std::vector<llama_adapter_lora*> adapters = model.adapters();
      std::vector<float> scales = model.adapter_scales();
      if (llama_set_adapters_lora(context_.get(), adapters.data(), adapters.size(), scales.data()) != 0) {
        throw base::BadInput("model " + options.model.string() + ": the LoRA adapters cannot be applied");
      }
    }
    // Threads that live as long as the context: without a pool the library starts new ones for every batch. A pool for each
    // number of threads that may be used, as a pool wakes all of its threads; those of the others sleep.
    poll_ = options.poll;
    pools_.resize(static_cast<std::size_t>(plan.threads) + 1);
    UseThreads(plan.threads);
    if (AdaptsThreads(options, plan)) ladder_.emplace(plan.threads);

    shape_.seats = plan.seats;
    shape_.cells = llama_n_ctx(context_.get());
    shape_.seat_cells = llama_n_ctx_seq(context_.get());
    shape_.batch = llama_n_batch(context_.get());
    shape_.vocabulary = static_cast<std::size_t>(llama_vocab_n_tokens(llama_model_get_vocab(model.get())));
    shape_.shared_cells = plan.shared_cells;
    // The CPU's flash attention works on tiles of 64 rows once there are so many (ggml-cpu/ops.cpp), and skips a cell only
    // when it is masked for the whole tile.
    shape_.dense_from = plan.shared_cells && !model.on_gpu() ? 64 : 0;
    shape_.can_cut = !llama_model_is_recurrent(model.get()) && !llama_model_is_hybrid(model.get());

    tokens_.resize(shape_.batch);
    positions_.resize(shape_.batch);
    seats_.resize(shape_.batch);
    seat_pointers_.resize(shape_.batch);
    ones_.assign(shape_.batch, 1);
    wants_.resize(shape_.batch);
    for (std::size_t i = 0; i < shape_.batch; ++i) seat_pointers_[i] = &seats_[i];
  }

  ~LlamaBackend() override {
    if (context_) llama_detach_threadpool(context_.get());
    context_.reset();
  }

  const BackendShape& shape() const override { return shape_; }

  Status Decode(std::span<const BackendRow> rows) override {
    MC_CHECK(!rows.empty() && rows.size() <= shape_.batch);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      tokens_[i] = rows[i].token;
      positions_[i] = rows[i].position;
      seats_[i] = rows[i].seat;
      wants_[i] = rows[i].wants_logits ? 1 : 0;
    }
    llama_batch batch{};
    batch.n_tokens = static_cast<std::int32_t>(rows.size());
    batch.token = tokens_.data();
    batch.pos = positions_.data();
    batch.n_seq_id = ones_.data();
    batch.seq_id = seat_pointers_.data();
    batch.logits = wants_.data();
    if (ladder_) UseThreads(ladder_->Choose());
    ForgetLlamaErrors();
    const std::int32_t status = llama_decode(context_.get(), batch);
    if (status == 0) return Status::kOk;
    if (status == 1) return Status::kNoCells;
    if (status == 2) return Status::kInterrupted;
    error_ = FirstLlamaError();
    if (error_.empty()) error_ = "llama_decode failed with " + std::to_string(status);
    return Status::kFailed;
  }

  std::span<const float> Logits(std::size_t index) override {
    const float* row = llama_get_logits_ith(context_.get(), static_cast<std::int32_t>(index));
    MC_CHECK(row != nullptr);
    return {row, shape_.vocabulary};
  }

  void Cut(std::int32_t seat, std::size_t n) override {
    const bool cut = llama_memory_seq_rm(memory(), seat, static_cast<llama_pos>(n), -1);
    MC_CHECK(cut);
  }

  void Copy(std::int32_t from, std::int32_t to, std::size_t n) override {
    if (shape_.shared_cells) {
      llama_memory_seq_cp(memory(), from, to, 0, static_cast<llama_pos>(n));
      return;
    }
    // Between streams the library copies whole buffers; by way of its saved form only the tokens that are there move.
    copy_buffer_.resize(llama_state_seq_get_size(context_.get(), from));
    const std::size_t got = llama_state_seq_get_data(context_.get(), copy_buffer_.data(), copy_buffer_.size(), from);
    const bool loaded = got > 0 && llama_state_seq_set_data(context_.get(), copy_buffer_.data(), got, to) > 0;
    MC_CHECK(loaded);
    if (shape_.can_cut) Cut(to, n);
  }

  std::vector<std::uint8_t> Save(std::int32_t seat) override {
    std::vector<std::uint8_t> saved(llama_state_seq_get_size(context_.get(), seat));
    saved.resize(llama_state_seq_get_data(context_.get(), saved.data(), saved.size(), seat));
    return saved;
  }

  bool Load(std::int32_t seat, std::span<const std::uint8_t> saved) override {
    return llama_state_seq_set_data(context_.get(), saved.data(), saved.size(), seat) > 0;
  }

  void Clear() override { llama_memory_clear(memory(), /*data=*/true); }
  void Interrupt() override { interrupted_.store(true, std::memory_order_relaxed); }
  void Resume() override { interrupted_.store(false, std::memory_order_relaxed); }
  std::string error() const override { return error_; }

 private:
  llama_memory_t memory() const { return llama_get_memory(context_.get()); }

  void UseThreads(int threads) {
    if (threads == threads_) return;
    threads_ = threads;
    ThreadpoolHandle& pool = pools_[static_cast<std::size_t>(threads)];
    if (!pool) {
      ggml_threadpool_params params = ggml_threadpool_params_default(threads);
      params.poll = poll_;
      pool.reset(ggml_threadpool_new(&params));
    }
    llama_set_n_threads(context_.get(), threads, threads);
    if (pool) llama_attach_threadpool(context_.get(), pool.get(), pool.get());
  }

  std::atomic<bool> interrupted_ = false;
  std::vector<ThreadpoolHandle> pools_;  // by their threads; outlive the context
  std::optional<ThreadLadder> ladder_;   // where the number of threads adapts
  int threads_ = 0;
  std::uint32_t poll_ = 0;
  ContextHandle context_;
  BackendShape shape_;
  std::string error_;
  std::vector<llama_token> tokens_;
  std::vector<llama_pos> positions_;
  std::vector<llama_seq_id> seats_;
  std::vector<llama_seq_id*> seat_pointers_;
  std::vector<std::int32_t> ones_;
  std::vector<std::int8_t> wants_;
  std::vector<std::uint8_t> copy_buffer_;
};

}  // namespace

ContextPlan PlanContext(const LlamaOptions& options, const LlamaModel& model) {
  ContextPlan plan;
  const std::uint64_t cell = std::max<std::uint64_t>(1, model.cell_bytes(options.cache_f32 ? 4 : 2));
  const std::size_t parallel = std::clamp<std::size_t>(options.parallel, 1, llama_max_parallel_sequences());
  plan.threads = options.threads > 0 ? options.threads : static_cast<int>(std::max(1U, PhysicalCores()));

  // The longest sequence: what is asked for, else what the model was trained on, but no book where nobody asked for one.
  std::size_t longest = options.sequence_context;
  if (longest == 0) longest = std::min<std::size_t>(model.train_context(), std::max(options.longest_sequence, 1U));
  if (options.context > 0) longest = std::min<std::size_t>(longest, options.context);
  if (options.sequence_context > longest) {
    throw base::BadInput("-c " + std::to_string(options.context) + " holds no sequence of " +
                         std::to_string(options.sequence_context) + " tokens; make -c at least as large");
  }

  std::uint64_t cells = options.context;
  if (cells == 0) {
    const std::uint64_t most = std::max<std::uint64_t>(AvailableMemory() / 2 / cell, 1);
    cells = std::min<std::uint64_t>(static_cast<std::uint64_t>(longest) * parallel, most);
    if (cells < longest) {
      if (options.sequence_context > 0) {
        throw base::BadInput("model " + options.model.string() + ": the cache of a sequence of " + std::to_string(longest) +
                             " tokens takes " + std::to_string(longest * cell >> 20) + " MiB, half of the free memory is " +
                             std::to_string(most * cell >> 20) + " MiB; ask for shorter sequences, or set -c to insist");
      }
      longest = cells;
    }
  }
  cells = std::max<std::uint64_t>(cells, 16);
  // The library would get the address space, and the system would kill us when the pages are touched.
  if (!model.on_gpu() && cells > AvailableMemory() / cell) {
    throw base::BadInput("model " + options.model.string() + ": a context of " + std::to_string(cells) + " tokens takes " +
                         std::to_string(cells * cell >> 20) + " MiB, " + std::to_string(AvailableMemory() >> 20) +
                         " MiB are free; ask for less with -c");
  }

  const bool fits = cells / parallel >= longest;
  if (options.deterministic || options.layout == KvLayout::kStreams) {
    plan.shared_cells = false;
  } else {
    plan.shared_cells = options.layout == KvLayout::kShared || model.on_gpu() || !fits || parallel == 1;
  }
  if (plan.shared_cells) {
    plan.seats = llama_max_parallel_sequences();
    plan.cells = cells;
  } else {
    plan.seats = std::clamp<std::size_t>(cells / longest, 1, parallel);
    // The library gives every stream a multiple of 256.
    plan.cells = plan.seats * ((longest + 255) / 256 * 256);
  }
  plan.sequence_context = longest;
  return plan;
}

std::uint32_t PlanReplicas(const LlamaOptions& options, const LlamaModel& model) {
  const std::uint32_t parallel = std::max(options.parallel, 1U);
  if (options.replicas > 0) return std::min(options.replicas, parallel);
  // Weights of this size stay in a core's caches, so that reading them once for each context costs nothing.
  constexpr std::uint64_t kSmall = std::uint64_t{64} << 20;
  if (model.on_gpu() || options.context > 0 || model.file_bytes() > kSmall) return 1;
  const unsigned threads = options.threads > 0 ? static_cast<unsigned>(options.threads) : PhysicalCores();
  return std::clamp<std::uint32_t>(threads, 1, std::max(parallel / 2, 1U));
}

base::Json DescribeContext(const LlamaOptions& options, const LlamaModel& model, const ContextPlan& plan) {
  base::Json json;
  json["description"] = model.description();
  json["quantisation"] = model.quantisation();
  json["threads"] = plan.threads;
  json["threads_adapt"] = AdaptsThreads(options, plan);
  json["context"] = plan.cells;
  json["sequence_context"] = plan.sequence_context;
  json["batch"] = options.batch;
  json["prefill_chunk"] = options.prefill_chunk;
  json["parallel"] = options.parallel;
  json["cache"] = options.cache_f32 ? "f32" : "f16";
  json["cache_bytes"] = plan.cells * model.cell_bytes(options.cache_f32 ? 4 : 2);
  json["layout"] = plan.shared_cells ? "shared" : "streams";
  json["flash_attention"] = UsesFlash(options);
  json["deterministic"] = options.deterministic;
  json["gpu"] = model.on_gpu();
  json["lora"] = base::Json::array();
  for (const LoraAdapter& lora : options.lora) json["lora"].push_back({{"file", lora.path.string()}, {"scale", lora.scale}});
  json["system"] = LlamaSystemInfo();
  return json;
}

std::string LlamaVersion() { return std::string("llama.cpp ") + llama_version(); }

std::string LlamaSystemInfo() {
  CatchLlamaLog();
  std::string info = llama_print_system_info();
  while (!info.empty() && (info.back() == ' ' || info.back() == '|')) info.pop_back();
  return info;
}

std::unique_ptr<Backend> MakeLlamaBackend(const LlamaOptions& options, const LlamaModel& model, const ContextPlan& plan) {
  return std::make_unique<LlamaBackend>(options, model, plan);
}

}  // namespace mathcoder::engine

// The library is not compiled for the thread sanitizer, which then does not see the atomics by which ggml's threads wait for each
// other, but sees their calls of memcpy.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
extern "C" const char* __tsan_default_suppressions();
extern "C" const char* __tsan_default_suppressions() { return "race:ggml_\nrace:llama_context::\n"; }
#endif

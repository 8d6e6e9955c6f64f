// libllama in this process: any GGUF that llama.cpp runs. One context; a thread of its own decodes all sequences that have work
// in one batch (continuous batching). docs/engine.md describes the scheduler.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace mathcoder::engine {

struct LoraAdapter {
  std::filesystem::path path;
  float scale = 1.0F;
};

// Names and defaults as in llama.cpp where it has them.
// How the caches of sequences lie in memory; docs/engine.md has measurements of both.
enum class KvLayout : std::uint8_t {
  kAuto,     // streams on a CPU where they fit into `context`, else shared
  kShared,   // one pool of cells: forks and equal prefixes cost nothing, any mix of lengths fits
  kStreams,  // an equal part for each of `parallel` sequences: faster attention on a CPU
};

struct LlamaOptions {
  std::filesystem::path model;
  std::vector<LoraAdapter> lora;
  std::int32_t gpu_layers = -1;  // -ngl; -1: all that fit
  std::uint32_t context =
      0;  // -c: tokens of KV in all; 0: enough for `parallel` sequences of the model's training length, within memory
  std::uint32_t sequence_context = 0;     // longest sequence; 0: the model's training length (or `context` if smaller)
  std::uint32_t longest_sequence = 4096;  // where sequence_context is 0: no sequence will be longer, whatever the model could
  std::uint32_t batch = 512;              // -b: tokens of one decode
  std::uint32_t prefill_chunk = 128;      // most prompt tokens in a batch beside decoding sequences
  std::uint32_t parallel = 16;            // sequences decoded at once (-np)
  std::int32_t threads = 0;               // -t; 0: physical cores, fewer while other programs want them (docs/engine.md)
  bool deterministic = false;             // same seed, same tokens, whatever else is in the batch (slower)
  KvLayout layout = KvLayout::kAuto;
  bool flash_attention = true;  // -fa
  bool cache_f32 = false;       // keys and values in 32 bits (-ctk, -ctv f32), and so without flash attention, which uses 16
  std::size_t swap_bytes = std::size_t{1} << 30;  // memory for caches of parked sequences that had to leave their stream
  std::uint32_t replicas = 0;  // contexts that share the weights, each with a thread and a part of `parallel`; 0: docs/engine.md
  std::uint32_t poll = 0;      // --poll: how long idle threads spin (0-100)
};

// Loads the model. Throws base::BadInput with one line: the file is missing, truncated, no GGUF, of an unknown architecture, or
// does not fit.
std::unique_ptr<Engine> OpenLlama(const LlamaOptions& options);

// "llama.cpp 0.3.36 (AVX2 FMA ...)": for --version and doctor.
std::string LlamaVersion();
std::string LlamaSystemInfo();

}  // namespace mathcoder::engine

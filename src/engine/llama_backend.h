// libllama behind the Backend interface: one context, its threads, and the choice of its sizes.
#pragma once

#include <memory>

#include "base/json.h"
#include "engine/backend.h"
#include "engine/llama_engine.h"
#include "engine/llama_model.h"

namespace mathcoder::engine {

struct ContextPlan {
  std::size_t cells = 0;             // in all
  std::size_t sequence_context = 0;  // longest sequence
  std::size_t seats = 0;
  bool shared_cells = true;
  int threads = 1;
};

// How large the context becomes: what the options say, else enough for `parallel` sequences within half of the memory that is
// free. Throws base::BadInput where the wish cannot be met (docs/engine.md has the rules).
ContextPlan PlanContext(const LlamaOptions& options, const LlamaModel& model);

// The model must outlive it. Throws base::BadInput when the library cannot make the context.
std::unique_ptr<Backend> MakeLlamaBackend(const LlamaOptions& options, const LlamaModel& model, const ContextPlan& plan);

// How many contexts decode beside each other (LlamaOptions::replicas).
std::uint32_t PlanReplicas(const LlamaOptions& options, const LlamaModel& model);
base::Json DescribeContext(const LlamaOptions& options, const LlamaModel& model, const ContextPlan& plan);

}  // namespace mathcoder::engine

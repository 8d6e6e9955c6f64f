#include <cmath>
#include <cstdio>

#include "chat/transcript.h"
#include "train/data/summary.h"
#include "train/run/memory_estimate.h"
#include "train/run/parts/train_progress.h"
#include "train/run/preparation.h"
#include "train/run/trainer.h"

namespace mathcoder::train {
namespace {

std::string Size(std::int64_t bytes) {
  char text[32];
  const double value = static_cast<double>(bytes);
  if (value >= 1e9) {
    std::snprintf(text, sizeof(text), "%.2f GB", value / 1e9);
  } else {
    std::snprintf(text, sizeof(text), "%.1f MB", value / 1e6);
  }
  return text;
}

std::string Line(const char* label, const std::string& text) {
  char head[16];
  std::snprintf(head, sizeof(head), "%-12s", label);
  return head + text + "\n";
}

}  // namespace

std::string DryRun(const Config& config, int processes) {
  Preparation preparation(config, true);
  const weights::ModelConfig& model = preparation.model();
  const Layout& layout = preparation.layout();
  std::string text = Line(
      "model", weights::ModelType(model.family) + ", " + std::to_string(model.num_hidden_layers) + " layers, hidden " +
                   std::to_string(model.hidden_size) + ", vocabulary " + WithCommas(model.vocab_size) +
                   (preparation.added_tokens() > 0 ? " (" + std::to_string(preparation.added_tokens()) + " tokens added)" : ""));
  const std::int64_t learning = layout.learning_count(), frozen = layout.frozen_count();
  text +=
      Line("parameters", WithCommas(learning + frozen) + ", of which " + (frozen == 0 ? "all" : WithCommas(learning)) + " learn");
  PackOptions pack = preparation.pack();
  text += ToText(Summarise(preparation.train(), preparation.split(), pack, static_cast<std::size_t>(config.batch_rows)));
  text += Line("run", WithCommas(preparation.total_steps()) + " steps of " + std::to_string(config.batch_rows) + " rows on " +
                          std::to_string(processes) + (processes == 1 ? " process" : " processes") + ", " + config.optimizer.name +
                          ", learning rate " + base::Json(config.optimizer.learning_rate).dump() + ", " + config.schedule.name);
  const MemoryEstimate memory = EstimateMemory(config, model, layout, processes);
  text += Line("memory", "about " + Size(memory.total()) + " a process: weights " + Size(memory.weights) + ", gradients " +
                             Size(memory.gradients) + ", optimizer " + Size(memory.optimizer) + ", activations " +
                             Size(memory.activations) +
                             (memory.checkpoint > 0 ? ", a checkpoint's copy " + Size(memory.checkpoint) : ""));
  return text;
}

}  // namespace mathcoder::train

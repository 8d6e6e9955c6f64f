#include "train/model/layout.h"

#include <algorithm>
#include <cmath>
#include <regex>

#include "base/check.h"
#include "base/error.h"
#include "weights/model_tensors.h"

namespace mathcoder::train {
namespace {

constexpr std::int64_t kAlignment = 32;  // elements: a cache line of bf16, and whole vectors of every instruction set

bool EndsWith(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

// "model.layers.12.mlp.up_proj.weight" -> "model.layers.<n>.mlp.up_proj.weight", so that a message stays short.
std::string WithoutNumber(const std::string& name) {
  static const std::string kLayers = "model.layers.";
  const std::size_t at = name.find(kLayers);
  if (at == std::string::npos) return name;
  const std::size_t begin = at + kLayers.size();
  return name.substr(0, begin) + "<n>" + name.substr(std::min(name.find('.', begin), name.size()));
}

std::string Listed(const std::vector<std::string>& names) {
  std::vector<std::string> seen;
  for (const std::string& name : names) {
    if (std::find(seen.begin(), seen.end(), name) == seen.end()) seen.push_back(name);
  }
  std::string text;
  for (const std::string& name : seen) text += (text.empty() ? "" : ", ") + name;
  return text;
}

class Planner {
 public:
  Planner(const weights::ModelConfig& config, const LayoutOptions& options) : config_(config), options_(options) { CheckLora(); }

  Layout Plan() {
    ReadPatterns();
    Layout layout;
    BeginUnit("embedding");
    Matrix("model.embed_tokens.weight", config_.vocab_size, config_.hidden_size);
    layout.units.push_back(EndUnit());
    for (std::int64_t i = 0; i < config_.num_hidden_layers; ++i) layout.units.push_back(Layer(i));
    BeginUnit("head");
    Vector("model.norm.weight", config_.hidden_size);
    if (!config_.tie_word_embeddings) Matrix("lm_head.weight", config_.vocab_size, config_.hidden_size);
    layout.units.push_back(EndUnit());
    CheckPatterns();
    return layout;
  }

 private:
  bool lora() const { return options_.lora.rank > 0; }

  void CheckLora() const {
    const LoraOptions& lora = options_.lora;
    if (lora.rank < 0) throw base::BadInput("LoRA's rank is " + std::to_string(lora.rank) + "; 0 (no LoRA) or more is needed");
    if (!this->lora()) return;
    for (const std::string& module : lora.target_modules) {
      if (std::find(LinearNames().begin(), LinearNames().end(), module) == LinearNames().end()) {
        throw base::BadInput("LoRA's target module '" + module + "' is none of the model's; there are: " + Listed(LinearNames()));
      }
    }
    for (const std::string& module : lora.modules_to_save) {
      const bool head = module == "lm_head";
      if (head && config_.tie_word_embeddings) {
        throw base::BadInput(
            "modules_to_save names lm_head, which is the embedding in this model (tie_word_embeddings); name embed_tokens");
      }
      if (!head && module != "embed_tokens") {
        throw base::BadInput("modules_to_save names '" + module + "'; there are: embed_tokens, lm_head");
      }
    }
  }

  Unit Layer(std::int64_t index) {
    const std::int64_t width = config_.hidden_size;
    const std::int64_t wide = config_.intermediate_size;
    const std::string layer = "model.layers." + std::to_string(index) + ".";
    const std::string attention = layer + "self_attn.";
    const std::string mlp = layer + "mlp.";
    BeginUnit("layer " + std::to_string(index));
    Vector(layer + "input_layernorm.weight", width);
    Group({{attention + "q_proj", config_.query_rows()},
           {attention + "k_proj", config_.key_value_rows()},
           {attention + "v_proj", config_.key_value_rows()}},
          width, config_.qkv_bias);
    Group({{attention + "o_proj", width}}, config_.query_rows(), config_.o_bias);
    Vector(layer + "post_attention_layernorm.weight", width);
    Group({{mlp + "gate_proj", wide}, {mlp + "up_proj", wide}}, width, config_.mlp_bias);
    Group({{mlp + "down_proj", width}}, wide, config_.mlp_bias);
    return EndUnit();
  }

  struct Linear {
    std::string name;
    std::int64_t out = 0;
  };
  // Linear maps of one input: weights next to each other, then biases, then adapters.
  void Group(const std::vector<Linear>& linears, std::int64_t in, bool bias) {
    for (const Linear& linear : linears) Matrix(linear.name + ".weight", linear.out, in);
    for (const Linear& linear : linears) {
      if (bias) Vector(linear.name + ".bias", linear.out);
    }
    for (const Linear& linear : linears) {
      if (!lora() || !Targeted(linear.name)) continue;
      const std::int64_t rank = options_.lora.rank;
      Add({AdapterName(linear.name + ".weight", 'A'), {rank, in}, 0, rank * in, true, false}, true);
      Add({AdapterName(linear.name + ".weight", 'B'), {linear.out, rank}, 0, linear.out * rank, true, false}, true);
    }
  }

  bool Targeted(const std::string& linear) const {
    const std::vector<std::string>& targets = options_.lora.target_modules;
    return targets.empty() ||
           std::any_of(targets.begin(), targets.end(), [&](const auto& target) { return EndsWith(linear, "." + target); });
  }

  bool Saved(const std::string& name) const {
    const std::vector<std::string>& saved = options_.lora.modules_to_save;
    return std::any_of(saved.begin(), saved.end(),
                       [&](const auto& module) { return EndsWith("." + name, "." + module + ".weight"); });
  }

  void Matrix(const std::string& name, std::int64_t out, std::int64_t in) {
    Add({name, {out, in}, 0, out * in, true, name.starts_with("model.layers.")}, !lora() || Saved(name));
  }
  void Vector(const std::string& name, std::int64_t size) { Add({name, {size}, 0, size, false, false}, !lora()); }

  void Add(Parameter parameter, bool learns) {
    names_.push_back(WithoutNumber(parameter.name));
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      if (!std::regex_search(parameter.name, patterns_[i])) continue;
      matched_[i] = true;
      learns = false;
    }
    std::int64_t& size = learns ? unit_.learning_size : unit_.frozen_size;
    parameter.offset = size;
    size += (parameter.size + kAlignment - 1) / kAlignment * kAlignment;
    (learns ? unit_.learning : unit_.frozen).push_back(std::move(parameter));
  }

  void BeginUnit(const std::string& name) { unit_ = Unit{name, {}, {}, 0, 0}; }
  Unit EndUnit() { return std::move(unit_); }

  void ReadPatterns() {
    for (const std::string& pattern : options_.freeze) {
      try {
        patterns_.emplace_back(pattern, std::regex::ECMAScript | std::regex::optimize);
      } catch (const std::regex_error& error) {
        throw base::BadInput("freeze: '" + pattern + "' is no regular expression: " + error.what());
      }
    }
    matched_.resize(patterns_.size());
  }

  void CheckPatterns() const {
    for (std::size_t i = 0; i < patterns_.size(); ++i) {
      if (!matched_[i])
        throw base::BadInput("freeze: no parameter matches '" + options_.freeze[i] + "'; there are: " + Listed(names_));
    }
  }

  const weights::ModelConfig& config_;
  const LayoutOptions& options_;
  std::vector<std::regex> patterns_;
  std::vector<bool> matched_;
  std::vector<std::string> names_;
  Unit unit_;
};

std::int64_t Count(const Layout& layout, bool learning) {
  std::int64_t count = 0;
  for (const Unit& unit : layout.units) {
    for (const Parameter& parameter : learning ? unit.learning : unit.frozen) count += parameter.size;
  }
  return count;
}

}  // namespace

double LoraOptions::scale() const { return alpha / (rslora ? std::sqrt(static_cast<double>(rank)) : static_cast<double>(rank)); }

const std::vector<std::string>& LinearNames() {
  static const std::vector<std::string> kNames = {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"};
  return kNames;
}

std::string AdapterName(const std::string& weight, char matrix) {
  static const std::string kEnd = ".weight";
  MC_CHECK(EndsWith(weight, kEnd));
  return "base_model.model." + weight.substr(0, weight.size() - kEnd.size()) + ".lora_" + matrix + kEnd;
}

std::int64_t Layout::learning_count() const { return Count(*this, true); }
std::int64_t Layout::frozen_count() const { return Count(*this, false); }

std::optional<Place> Find(const Layout& layout, const std::string& name) {
  for (std::size_t unit = 0; unit < layout.units.size(); ++unit) {
    for (const bool learning : {true, false}) {
      for (const Parameter& parameter : learning ? layout.units[unit].learning : layout.units[unit].frozen) {
        if (parameter.name == name) return Place{unit, learning, parameter};
      }
    }
  }
  return std::nullopt;
}

Layout PlanLayout(const weights::ModelConfig& config, const LayoutOptions& options) { return Planner(config, options).Plan(); }

}  // namespace mathcoder::train

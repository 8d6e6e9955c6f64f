#include "weights/rope_config.h"

#include <cmath>
#include <numbers>

#include "base/error.h"

namespace mathcoder::weights {
namespace {

using base::BadInput;
using base::Json;

double Number(const Json& object, const char* key, double otherwise, const std::string& where) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return otherwise;
  if (!found->is_number() || found->get<double>() <= 0) {
    throw BadInput(where + ": " + key + " of the rotary embedding is " + found->dump() + "; a number above 0 is needed");
  }
  return found->get<double>();
}

Json ScalingJson(const RopeScaling& scaling) {
  if (scaling.type == RopeScaling::Type::kLinear) return {{"rope_type", "linear"}, {"factor", scaling.factor}};
  return {{"rope_type", "llama3"},
          {"factor", scaling.factor},
          {"low_freq_factor", scaling.low_freq_factor},
          {"high_freq_factor", scaling.high_freq_factor},
          {"original_max_position_embeddings", scaling.original_max_position_embeddings}};
}

}  // namespace

void ReadRope(const Json& config, const std::string& where, ModelConfig& out) {
  const auto parameters = config.find("rope_parameters");
  const bool v5 = parameters != config.end() && parameters->is_object();
  out.rope_theta = Number(config, "rope_theta", 10000, where);
  if (v5) out.rope_theta = Number(*parameters, "rope_theta", out.rope_theta, where);
  out.rope_scaling.reset();
  const auto old = config.find("rope_scaling");
  if (!v5 && (old == config.end() || old->is_null())) return;
  const Json& scaling = v5 ? *parameters : *old;
  const std::string key = v5 ? "rope_parameters" : "rope_scaling";
  if (!scaling.is_object()) throw BadInput(where + ": " + key + " is " + scaling.dump() + "; an object is needed");
  if (Number(scaling, "partial_rotary_factor", 1, where) != 1) {
    throw BadInput(where + ": " + key + " turns a part of each head only (partial_rotary_factor), which is not supported");
  }
  std::string type = "default";
  for (const char* name : {"rope_type", "type"}) {
    if (scaling.contains(name)) {
      if (!scaling[name].is_string()) throw BadInput(where + ": " + key + "." + name + " is no string");
      type = scaling[name].get<std::string>();
      break;
    }
  }
  if (type == "default") return;
  RopeScaling read;
  if (type == "linear") {
    read.type = RopeScaling::Type::kLinear;
  } else if (type == "llama3") {
    read.type = RopeScaling::Type::kLlama3;
  } else {
    throw BadInput(where + ": " + key + " is of the type '" + type + "', which is not supported (default, linear and llama3 are)");
  }
  if (!scaling.contains("factor")) throw BadInput(where + ": " + key + " of the type '" + type + "' lacks its factor");
  read.factor = Number(scaling, "factor", 1, where);
  if (read.type == RopeScaling::Type::kLlama3) {
    read.low_freq_factor = Number(scaling, "low_freq_factor", 1, where);
    read.high_freq_factor = Number(scaling, "high_freq_factor", 4, where);
    read.original_max_position_embeddings = static_cast<std::int64_t>(
        Number(scaling, "original_max_position_embeddings", static_cast<double>(out.max_position_embeddings), where));
    if (read.high_freq_factor <= read.low_freq_factor)
      throw BadInput(where + ": " + key + ": high_freq_factor must exceed low_freq_factor");
  }
  out.rope_scaling = read;
}

void WriteRope(const ModelConfig& config, Json& json) {
  if (!config.raw.is_null()) {
    ModelConfig was = config;
    ReadRope(config.raw, "config.json", was);
    if (was.rope_theta == config.rope_theta && was.rope_scaling == config.rope_scaling) return;
  }
  if (json.contains("rope_parameters")) {
    Json parameters = config.rope_scaling ? ScalingJson(*config.rope_scaling) : Json{{"rope_type", "default"}};
    parameters["rope_theta"] = config.rope_theta;
    json["rope_parameters"] = parameters;
  } else {
    json["rope_theta"] = config.rope_theta;
    json["rope_scaling"] = config.rope_scaling ? ScalingJson(*config.rope_scaling) : Json();
  }
}

std::vector<double> RotaryFrequencies(const ModelConfig& config) {
  std::vector<double> frequencies;
  for (std::int64_t i = 0; i < config.head_dim; i += 2) {
    double frequency = std::pow(config.rope_theta, -static_cast<double>(i) / static_cast<double>(config.head_dim));
    if (config.rope_scaling && config.rope_scaling->type == RopeScaling::Type::kLinear) {
      frequency /= config.rope_scaling->factor;
    } else if (config.rope_scaling) {
      // Llama 3.1: long waves are stretched by the factor, short ones stay, those between go over smoothly.
      const RopeScaling& s = *config.rope_scaling;
      const double turns = static_cast<double>(s.original_max_position_embeddings) * frequency / (2 * std::numbers::pi);
      if (turns < s.low_freq_factor) {
        frequency /= s.factor;
      } else if (turns <= s.high_freq_factor) {
        const double smooth = (turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
        frequency = (1 - smooth) * frequency / s.factor + smooth * frequency;
      }
    }
    frequencies.push_back(frequency);
  }
  return frequencies;
}

}  // namespace mathcoder::weights

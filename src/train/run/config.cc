#include "train/run/config.h"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <type_traits>

#include "base/error.h"
#include "base/file.h"
#include "base/nearest.h"

namespace mathcoder::train {
namespace {

using base::Json;

// One key: how it is read, written and explained.
struct Field {
  std::string name;
  std::string meaning;
  bool shapes_result;                                 // a resumed run must agree in it
  std::function<std::string(const YAML::Node&)> set;  // what is wrong, or empty
  std::function<Json()> get;
};

struct Range {
  double least = -std::numeric_limits<double>::infinity();
  double most = std::numeric_limits<double>::infinity();
};

std::string Found(const YAML::Node& node) {
  if (node.IsScalar()) return "'" + node.Scalar() + "'";
  if (node.IsSequence()) return "a list";
  if (node.IsMap()) return "a group of keys";
  return "nothing";
}

std::string Number(double value) {
  std::string text = Json(value).dump();
  return text.ends_with(".0") ? text.substr(0, text.size() - 2) : text;
}

constexpr double kMost = 1e15;  // of whole numbers: far beyond use, exact in a double

std::string Expected(const Range& range) {
  if (range.most >= kMost) return std::isinf(range.least) ? "" : " of at least " + Number(range.least);
  return " from " + Number(range.least) + " to " + Number(range.most);
}

template <typename T>
std::string SetNumber(const YAML::Node& node, const Range& range, T* value) {
  const std::string kind = std::is_floating_point_v<T> ? "a number" : "a whole number";
  double number = 0;
  if (!node.IsScalar() || !YAML::convert<double>::decode(node, number) || !std::isfinite(number) ||
      (!std::is_floating_point_v<T> && number != std::floor(number)) || number < range.least || number > range.most) {
    return "holds " + Found(node) + ", expected " + kind + Expected(range);
  }
  *value = static_cast<T>(number);
  return "";
}

std::string SetText(const YAML::Node& node, const std::vector<std::string>& choices, std::string* value) {
  if (node.IsNull() && choices.empty()) return value->clear(), "";
  if (!node.IsScalar()) return "holds " + Found(node) + ", expected a string";
  if (!choices.empty() && std::ranges::find(choices, node.Scalar()) == choices.end()) {
    std::string all;
    for (const std::string& choice : choices) all += (all.empty() ? "" : ", ") + choice;
    const std::string nearest = base::Nearest(node.Scalar(), choices);
    return "holds " + Found(node) + ", expected one of " + all + (nearest.empty() ? "" : "; did you mean '" + nearest + "'?");
  }
  *value = node.Scalar();
  return "";
}

std::string SetList(const YAML::Node& node, std::vector<std::string>* value) {
  std::vector<std::string> list;
  if (node.IsScalar() && !node.Scalar().empty()) list.push_back(node.Scalar());  // one entry needs no brackets
  if (node.IsMap()) return "holds a group of keys, expected a list of strings";
  if (node.IsSequence()) {
    for (const auto& entry : node) {
      if (!entry.IsScalar() || entry.Scalar().empty()) return "holds " + Found(entry) + " in its list, expected strings";
      list.push_back(entry.Scalar());
    }
  }
  *value = std::move(list);
  return "";
}

class Fields {
 public:
  explicit Fields(Config& c);
  const std::vector<Field>& all() const { return fields_; }
  const Field* Find(const std::string& name) const {
    const auto found = std::ranges::find(fields_, name, &Field::name);
    return found == fields_.end() ? nullptr : &*found;
  }
  bool IsGroup(const std::string& name) const {
    return std::ranges::any_of(fields_, [&](const Field& field) { return field.name.starts_with(name + "."); });
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const Field& field : fields_) names.push_back(field.name);
    return names;
  }

 private:
  static constexpr bool kShapes = true, kFree = false;

  void Text(const char* name, std::string& value, bool shapes, const char* meaning, std::vector<std::string> choices = {}) {
    fields_.push_back({name, meaning, shapes, [&value, choices](const YAML::Node& node) { return SetText(node, choices, &value); },
                       [&value] { return Json(value); }});
  }
  void List(const char* name, std::vector<std::string>& value, bool shapes, const char* meaning) {
    fields_.push_back({name, meaning, shapes, [&value](const YAML::Node& node) { return SetList(node, &value); },
                       [&value] { return Json(value); }});
  }
  template <typename T>
  void Value(const char* name, T& value, Range range, bool shapes, const char* meaning) {
    fields_.push_back({name, meaning, shapes, [&value, range](const YAML::Node& node) { return SetNumber(node, range, &value); },
                       [&value] { return Json(value); }});
  }
  void Flag(const char* name, bool& value, bool shapes, const char* meaning) {
    fields_.push_back({name, meaning, shapes,
                       [&value](const YAML::Node& node) -> std::string {
                         if (node.IsScalar() && YAML::convert<bool>::decode(node, value)) return "";
                         return "holds " + Found(node) + ", expected true or false";
                       },
                       [&value] { return Json(value); }});
  }

  std::vector<Field> fields_;
};

Fields::Fields(Config& c) {
  const Range positive{1, kMost}, natural{0, kMost}, share{0, 1}, not_negative{0};
  Text("run", c.run, kFree, "folder of checkpoints, metrics and the result; the same command goes on where it stopped");

  Text("model.from", c.model.from, kShapes, "Hugging Face folder to start from");
  Text("model.config", c.model.config, kShapes, "or a config.json: start from scratch, with random weights of this shape");
  Text("model.tokenizer", c.model.tokenizer, kShapes, "folder of the tokenizer; empty: model.from");
  Flag("model.add_dialect_tokens", c.model.add_dialect_tokens, kShapes,
       "add the dialect's control tokens that the vocabulary lacks, with rows of the mean of all others");
  Text("model.compute", c.model.compute, kShapes, "type of weights and activations; bf16 keeps exact f32 masters", {"bf16", "f32"});
  Text("model.checkpointing", c.model.checkpointing, kFree, "what of a layer is computed again in the backward pass",
       {"none", "selective", "full"});
  List("model.freeze", c.model.freeze, kShapes, "patterns (regular expressions) of parameter names that do not learn");

  Value("lora.rank", c.lora.rank, natural, kShapes, "rank of LoRA adapters; 0: full fine-tuning");
  Value("lora.alpha", c.lora.alpha, Range{0}, kShapes, "scale of adapters: alpha / rank");
  Flag("lora.rslora", c.lora.rslora, kShapes, "scale alpha / sqrt(rank) instead");
  List("lora.target_modules", c.lora.target_modules, kShapes, "linear layers that get adapters; empty: all but the head");
  List("lora.modules_to_save", c.lora.modules_to_save, kShapes, "modules that learn in full beside the adapters");
  Text("lora.from", c.lora.from, kShapes, "PEFT folder of adapters to go on from");

  List("data.train", c.data.train, kShapes, "transcripts: FILE or FILE:REPEAT, patterns allowed");
  List("data.held_out", c.data.held_out, kShapes, "transcripts for the held-out loss; empty: a share of data.train");
  Value("data.held_out_share", c.data.held_out_share, Range{0, 0.5}, kShapes,
        "share of the problems of data.train that is held out");
  Text("data.dialect", c.data.dialect, kShapes, "how blocks are written: a built-in dialect or a YAML file");
  Text("data.observation", c.data.observation, kShapes, "observation policy of execution outputs that were recorded raw");
  Value("data.length", c.data.length, Range{16, 1 << 20}, kShapes,
        "tokens of a row; transcripts are packed into rows without padding");
  Text("data.overlong", c.data.overlong, kShapes,
       "what happens to transcripts longer than a row; either way they are counted and named", {"drop", "truncate"});
  Text("data.recorded_tokens", c.data.recorded_tokens, kShapes,
       "token ids that a transcript carries: learned as they are, or its text tokenised anew", {"use", "ignore"});
  Value("data.loss.text", c.data.loss_text, Range{0, 1e3}, kShapes, "weight of the loss on text blocks of the assistant");
  Value("data.loss.code", c.data.loss_code, Range{0, 1e3}, kShapes, "on code blocks");
  Value("data.loss.execution", c.data.loss_execution, Range{0, 1e3}, kShapes, "on execution outputs; the paper: none");
  Value("data.loss.system", c.data.loss_system, Range{0, 1e3}, kShapes, "on the system message");
  Value("data.loss.user", c.data.loss_user, Range{0, 1e3}, kShapes, "on the question");
  Value("data.loss.template", c.data.loss_template, Range{0, 1e3}, kShapes, "on what frames the prompt");
  Text("data.cache", c.data.cache, kFree, "folder of tokenised data; empty: RUN/cache");

  Value("batch_rows", c.batch_rows, positive, kShapes, "rows of data.length tokens in one step, over all processes");
  Value("epochs", c.epochs, Range{0, 1e4}, kShapes, "passes over the data");
  Value("steps", c.steps, natural, kShapes, "steps in all; 0: from epochs");
  Value("minutes", c.minutes, not_negative, kFree, "stop after this time, with a checkpoint and a result; 0: no limit");
  Value("seed", c.seed, natural, kShapes, "of the order of data, of initial weights and of rounding");

  Text("optimizer.name", c.optimizer.name, kShapes, "adamw, or muon for the matrices of layers and adamw for the rest",
       {"adamw", "muon"});
  Value("optimizer.learning_rate", c.optimizer.learning_rate, not_negative, kShapes, "peak learning rate");
  Value("optimizer.weight_decay", c.optimizer.weight_decay, not_negative, kShapes, "on matrices, never on norms and biases");
  Value("optimizer.beta1", c.optimizer.beta1, share, kShapes, "decay of AdamW's first moment");
  Value("optimizer.beta2", c.optimizer.beta2, share, kShapes, "and of its second");
  Value("optimizer.epsilon", c.optimizer.epsilon, not_negative, kShapes, "AdamW's epsilon");
  Text("optimizer.moments", c.optimizer.moments, kShapes, "type of AdamW's moments: 8, 4 or 2 bytes a parameter",
       {"f32", "bf16", "int8"});
  Text("optimizer.gradients", c.optimizer.gradients, kShapes,
       "type of gradients; auto: bf16 where compute is and one row a process makes a step", {"auto", "f32", "bf16"});
  Value("optimizer.clip", c.optimizer.clip, not_negative, kShapes, "largest norm of the gradients; 0: no clipping");
  Value("optimizer.muon_momentum", c.optimizer.muon_momentum, share, kShapes, "momentum of Muon");
  Value("optimizer.muon_learning_rate_factor", c.optimizer.muon_learning_rate_factor, not_negative, kShapes,
        "Muon's learning rate as a multiple of optimizer.learning_rate");

  Text("schedule.name", c.schedule.name, kShapes,
       "how the learning rate falls after the warm-up; wsd: constant, then falling to its minimum",
       {"cosine", "linear", "constant", "wsd"});
  Value("schedule.warmup_steps", c.schedule.warmup_steps, natural, kShapes, "steps of linear warm-up");
  Value("schedule.minimum_ratio", c.schedule.minimum_ratio, share, kShapes, "where it ends, as a share of the peak");
  Value("schedule.decay_share", c.schedule.decay_share, share, kShapes, "wsd: share of the steps in which it falls");
  Text("schedule.decay", c.schedule.decay, kShapes, "wsd: how it falls", {"1-sqrt", "linear", "cosine"});

  Value("parallel.zero", c.parallel.zero, Range{0, 3}, kFree,
        "ZeRO stage: 1 shards optimizer states, 2 gradients too, 3 weights too");
  Value("parallel.threads", c.parallel.threads, natural, kFree,
        "threads of each process; 0: its cores divided by the machine's processes");
  Text("parallel.device", c.parallel.device, kFree, "auto takes a GPU where there is one", {"auto", "cpu", "cuda"});

  Value("checkpoints.every_steps", c.checkpoints.every_steps, natural, kFree, "steps between checkpoints; 0: by time alone");
  Value("checkpoints.every_minutes", c.checkpoints.every_minutes, not_negative, kFree, "and at least so often; 0: by steps alone");
  Value("checkpoints.keep", c.checkpoints.keep, positive, kFree, "newest checkpoints that are kept");
  Value("checkpoints.keep_every", c.checkpoints.keep_every, natural, kFree, "and those of every so many steps; 0: none");
  Flag("checkpoints.asynchronous", c.checkpoints.asynchronous, kFree,
       "write while training goes on; needs memory for a copy of the state");

  Text("guard.nan", c.guard.nan, kFree, "what to do when loss or gradients are no numbers", {"stop", "skip", "rollback"});
  Text("guard.spike", c.guard.spike, kFree, "what to do when the loss or the gradients' norm leaps",
       {"ignore", "stop", "skip", "rollback"});
  Value("guard.spike_deviations", c.guard.spike_deviations, not_negative, kFree,
        "a leap is more than so many standard deviations above the mean of the last steps");
  Value("guard.spike_factor", c.guard.spike_factor, not_negative, kFree,
        "or more than so many times their median; 0: not looked at");
  Value("guard.window", c.guard.window, Range{8, 1e6}, kFree, "how many steps that mean looks back");
  Value("guard.limit", c.guard.limit, positive, kFree, "skips or rollbacks in a row after which the run stops");

  Value("watch.log_every", c.watch.log_every, positive, kFree, "steps between records of metrics");
  Value("watch.held_out_every", c.watch.held_out_every, natural, kFree,
        "steps between held-out losses; 0: at the start and at the end");
  Value("watch.held_out_rows", c.watch.held_out_rows, natural, kFree, "rows of held-out data that are looked at; 0: all");
  Value("watch.eval_every", c.watch.eval_every, natural, kFree, "steps between evaluations on real problems; 0: never");
  Text("watch.eval_problems", c.watch.eval_problems, kFree, "problems with answers (JSONL) for these evaluations");
  Value("watch.eval_count", c.watch.eval_count, positive, kFree, "how many of them are solved");
  Flag("watch.tensorboard", c.watch.tensorboard, kFree, "write TensorBoard's event files beside metrics.jsonl");

  Text("result.gguf", c.result.gguf, kFree, "type of the GGUF file that is written at the end; empty: none");
  Text("result.type", c.result.type, kFree, "type of the Hugging Face folder that is written at the end; empty: as it was read",
       {"", "f32", "f16", "bf16"});
}

[[noreturn]] void Fail(const std::string& where, const YAML::Node& at, const std::string& what) {
  const YAML::Mark mark = at.Mark();
  throw base::BadInput(where + (mark.is_null() ? "" : ":" + std::to_string(mark.line + 1)) + ": " + what);
}

[[noreturn]] void UnknownKey(const std::string& where, const YAML::Node& at, const std::string& name, const Fields& fields) {
  const std::vector<std::string> names = fields.Names();
  std::vector<std::string> candidates = names;  // whole names, and groups
  std::string nearest;
  const std::string last = name.substr(name.rfind('.') + 1);
  for (const std::string& known : names) {
    if (const std::size_t dot = known.find('.'); dot != std::string::npos) candidates.push_back(known.substr(0, dot));
    if (nearest.empty() && (known.starts_with(name) || known == last || known.ends_with("." + last))) nearest = known;
  }
  if (nearest.empty()) nearest = base::Nearest(name, candidates);
  if (nearest.empty()) {  // a slip in the last part, in the wrong group or in none
    std::vector<std::string> parts;
    for (const std::string& known : names) parts.push_back(known.substr(known.rfind('.') + 1));
    const auto found = std::ranges::find(parts, base::Nearest(last, parts));
    if (found != parts.end()) nearest = names[static_cast<std::size_t>(found - parts.begin())];
  }
  Fail(where, at,
       "there is no key '" + name + "'" + (nearest.empty() ? "" : "; did you mean '" + nearest + "'?") +
           " (`mathcoder train --keys` lists all)");
}

void Read(const YAML::Node& node, const std::string& prefix, const std::string& where, const Fields& fields) {
  std::set<std::string> seen;
  for (const auto& entry : node) {
    if (!entry.first.IsScalar()) Fail(where, entry.first, "a key must be a string");
    const std::string name = prefix + entry.first.Scalar();
    if (!seen.insert(name).second) Fail(where, entry.first, "key '" + name + "' is there twice");
    if (const Field* field = fields.Find(name)) {
      const std::string wrong = field->set(entry.second);
      if (!wrong.empty()) Fail(where, entry.second.IsNull() ? entry.first : entry.second, "key '" + name + "' " + wrong);
    } else if (fields.IsGroup(name)) {
      if (entry.second.IsNull()) continue;
      if (!entry.second.IsMap())
        Fail(where, entry.second, "key '" + name + "' holds " + Found(entry.second) + ", expected a group of keys");
      Read(entry.second, name + ".", where, fields);
    } else {
      UnknownKey(where, entry.first, name, fields);
    }
  }
}

void Override(const std::string& text, const Fields& fields) {
  const std::size_t equals = text.find('=');
  const std::string where = "command line";
  if (equals == std::string::npos || equals == 0) {
    throw base::Error("'" + text + "' is no key=value, such as optimizer.learning_rate=1e-5", base::ExitCode::kUsage);
  }
  const std::string name = text.substr(0, equals);
  const Field* field = fields.Find(name);
  YAML::Node value;
  if (field == nullptr) UnknownKey(where, value, name, fields);
  try {
    value = YAML::Load(text.substr(equals + 1));
  } catch (const YAML::Exception& error) {
    throw base::BadInput(where + ": " + name + ": " + error.msg);
  }
  const std::string wrong = field->set(value);
  if (!wrong.empty()) throw base::BadInput(where + ": key '" + name + "' " + wrong);
}

void Check(const Config& c, const std::string& where) {
  const auto fail = [&](const std::string& what) { throw base::BadInput(where + ": " + what); };
  if (c.run.empty()) fail("key 'run' is missing: the folder for checkpoints, metrics and the result (run=runs/one)");
  if (c.model.from.empty() == c.model.config.empty()) {
    fail("one of 'model.from' (a Hugging Face folder) and 'model.config' (a config.json to start from scratch) is needed, not " +
         std::string(c.model.from.empty() ? "none" : "both"));
  }
  if (!c.model.config.empty() && c.model.tokenizer.empty()) fail("'model.tokenizer' is needed where a model starts from scratch");
  if (c.data.train.empty()) fail("key 'data.train' is missing: the transcripts to learn from");
  if (c.steps == 0 && c.epochs == 0) fail("'epochs' and 'steps' are both 0: say how long to train");
  if (c.watch.eval_every > 0 && c.watch.eval_problems.empty())
    fail("'watch.eval_every' needs 'watch.eval_problems', a file of problems");
  if (c.optimizer.beta1 == 1 || c.optimizer.beta2 == 1) fail("'optimizer.beta1' and 'optimizer.beta2' must be below 1");
  if (c.lora.rank > 0 && c.optimizer.name == "muon")
    fail("Muon is for whole matrices: 'optimizer.name: muon' does not go with 'lora.rank'");
  if (c.optimizer.gradients == "bf16" && c.model.compute == "f32") fail("'optimizer.gradients: bf16' needs 'model.compute: bf16'");
  if (c.lora.rank == 0 && !c.lora.from.empty()) fail("'lora.from' needs 'lora.rank', the adapters' rank");
}

Json* At(Json& root, const std::string& name) {
  Json* at = &root;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find('.', begin), name.size());
    at = &(*at)[name.substr(begin, end - begin)];
    begin = end + 1;
  }
  return at;
}

std::string Scalar(const Json& value) {
  return value.is_string() && !value.get_ref<const std::string&>().empty() ? value.get<std::string>() : value.dump();
}

void Emit(YAML::Emitter& out, const Json& value) {
  if (value.is_object()) {
    out << YAML::BeginMap;
    for (const auto& [key, member] : value.items()) {
      out << YAML::Key << key << YAML::Value;
      Emit(out, member);
    }
    out << YAML::EndMap;
  } else if (value.is_array()) {
    out << YAML::Flow << YAML::BeginSeq;
    for (const Json& entry : value) Emit(out, entry);
    out << YAML::EndSeq;
  } else if (value.is_string()) {
    out << value.get<std::string>();
  } else {
    out << YAML::Node(value.dump());
  }
}

}  // namespace

Config ParseConfig(std::string_view yaml, const std::string& where, const std::vector<std::string>& overrides) {
  Config config;
  const Fields fields(config);
  try {
    const YAML::Node node = YAML::Load(std::string(yaml));
    if (!node.IsNull() && !node.IsMap()) Fail(where, node, "a training configuration is a group of keys, found " + Found(node));
    Read(node, "", where, fields);
  } catch (const YAML::Exception& error) {
    throw base::BadInput(where + ":" + std::to_string(error.mark.is_null() ? 1 : error.mark.line + 1) + ": " + error.msg);
  }
  for (const std::string& text : overrides) Override(text, fields);
  Check(config, where);
  return config;
}

Config ReadConfig(const std::filesystem::path& file, const std::vector<std::string>& overrides) {
  return ParseConfig(base::ReadFile(file), file.string(), overrides);
}

base::Json ToJson(const Config& config) {
  Config copy = config;
  Json json = Json::object();
  const Fields fields(copy);
  for (const Field& field : fields.all()) *At(json, field.name) = field.get();
  return json;
}

std::string ToYaml(const Config& config) {
  YAML::Emitter out;
  Emit(out, ToJson(config));
  return std::string(out.c_str()) + "\n";
}

std::vector<Key> KeyTable() {
  Config config;
  const Fields fields(config);
  std::vector<Key> keys;
  for (const Field& field : fields.all()) keys.push_back({field.name, Scalar(field.get()), field.meaning});
  return keys;
}

std::string WhatDiffers(const base::Json& before, const Config& now) {
  Json was = before;
  Config copy = now;
  const Fields fields(copy);
  std::string differing;
  for (const Field& field : fields.all()) {
    const Json value = field.get();
    const Json& old = *At(was, field.name);
    if (field.shapes_result && old != value) {
      differing += (differing.empty() ? "" : "; ") + field.name + " was " + Scalar(old) + ", is now " + Scalar(value);
    }
  }
  return differing;
}

}  // namespace mathcoder::train

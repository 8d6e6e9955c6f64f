#include "train/data/export.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "base/file.h"
#include "base/jsonl.h"
#include "base/utf8.h"
#include "chat/jsonl_formats.h"

namespace mathcoder::train {
namespace {

using base::Json;
using chat::BlockKind;

constexpr int kIgnored = -100;  // torch's cross_entropy leaves it out
constexpr std::array<std::pair<ExportForm, std::string_view>, 4> kForms{{
    {ExportForm::kMessages, "messages"},
    {ExportForm::kTorchtune, "torchtune"},
    {ExportForm::kAxolotlTokens, "axolotl"},
    {ExportForm::kAxolotlSegments, "axolotl-segments"},
}};

Json Tools() {
  return Json::array(
      {{{"type", "function"},
        {"function",
         {{"name", "python"},
          {"description", "Runs Python; variables stay between calls."},
          {"parameters",
           {{"type", "object"}, {"properties", {{"code", {{"type", "string"}}}}}, {"required", Json::array({"code"})}}}}}}});
}

class Lines {
 public:
  explicit Lines(const std::filesystem::path& path) : file_(path) {}
  void Add(const Json& record) {
    buffer_ += base::Dump(record);
    buffer_ += '\n';
    if (buffer_.size() >= (1U << 20)) Flush();
    ++count_;
  }
  std::size_t Finish() {
    Flush();
    file_.Commit();
    return count_;
  }

 private:
  void Flush() {
    file_.Write(buffer_);
    buffer_.clear();
  }
  base::AtomicFile file_;
  std::string buffer_;
  std::size_t count_ = 0;
};

}  // namespace

std::string_view Name(ExportForm form) { return std::ranges::find(kForms, form, &decltype(kForms)::value_type::first)->second; }

std::optional<ExportForm> ExportFormFromName(std::string_view name) {
  const auto found = std::ranges::find(kForms, name, &decltype(kForms)::value_type::second);
  return found == kForms.end() ? std::nullopt : std::optional(found->first);
}

base::Result<Json> ExportExample(const Example& example, const chat::Tokenizer& tokenizer, ExportForm form) {
  MC_CHECK(form != ExportForm::kMessages);
  for (const float weight : example.weights) {
    if (weight == 0 || weight == 1) continue;
    return base::Failure{example.source + ": a token has the loss weight " + std::to_string(weight) + "; the form '" +
                         std::string(Name(form)) + "' can say 0 and 1 only"};
  }
  const std::size_t n = example.ids.size();
  if (form == ExportForm::kAxolotlSegments) {
    Json segments = Json::array();
    for (std::size_t i = 0; i < n;) {
      const bool label = example.weights[i] > 0;
      std::string text;
      for (; i < n && (example.weights[i] > 0) == label; ++i) text += tokenizer.Piece(example.ids[i]);
      if (!base::IsValidUtf8(text)) {
        return base::Failure{example.source + ": the text around token " + std::to_string(i) +
                             " is no UTF-8; export tokens instead"};
      }
      segments.push_back({{"label", label}, {"text", std::move(text)}});
    }
    return Json{{"segments", std::move(segments)}};
  }
  std::vector<int> labels(n, kIgnored);
  std::vector<bool> mask(n, true);
  for (std::size_t i = 0; i < n; ++i) {
    if (example.weights[i] == 0) continue;
    labels[i] = example.ids[i];
    mask[i] = false;
  }
  if (form == ExportForm::kTorchtune) return Json{{"tokens", example.ids}, {"mask", mask}, {"labels", labels}};
  return Json{{"input_ids", example.ids}, {"attention_mask", std::vector<int>(n, 1)}, {"labels", labels}};
}

Json ExportMessages(const chat::Transcript& transcript, const std::string& default_system, const chat::ObservationPolicy& policy) {
  Json messages = Json::array();
  const std::string& system = transcript.problem.system ? *transcript.problem.system : default_system;
  if (!system.empty()) messages.push_back({{"role", "system"}, {"content", system}});
  messages.push_back({{"role", "user"}, {"content", transcript.problem.question}});
  std::size_t calls = 0;
  bool speaking = false;  // messages.back() is the assistant's, and more may be added to it
  const auto speak = [&]() -> Json& {
    if (!std::exchange(speaking, true)) messages.push_back({{"role", "assistant"}, {"content", nullptr}});
    return messages.back();
  };
  for (const chat::Block& block : transcript.blocks) {
    if (block.kind == BlockKind::kText) {
      if (speaking && messages.back().contains("tool_calls")) speaking = false;
      Json& content = speak()["content"];
      content = content.is_null() ? block.text : content.get<std::string>() + "\n\n" + block.text;
    } else if (block.kind == BlockKind::kCode) {
      speak()["tool_calls"].push_back({{"id", "call_" + std::to_string(++calls)},
                                       {"type", "function"},
                                       {"function", {{"name", "python"}, {"arguments", base::Dump({{"code", block.text}})}}}});
    } else {
      speaking = false;
      messages.push_back(
          {{"role", "tool"}, {"tool_call_id", "call_" + std::to_string(calls)}, {"content", chat::Observe(policy, block.text)}});
    }
  }
  Json record = {{"messages", std::move(messages)}};
  if (calls > 0) record["tools"] = Tools();
  return record;
}

std::size_t Export(const TokenCache& cache, std::span<const std::uint32_t> examples, const chat::Tokenizer& tokenizer,
                   const std::string& default_system, const chat::ObservationPolicy& policy, ExportForm form,
                   const std::filesystem::path& out) {
  Lines lines(out);
  if (form != ExportForm::kMessages) {
    for (const std::uint32_t i : examples) {
      const base::Result<Json> record = ExportExample(cache.example(i), tokenizer, form);
      if (!record.ok()) throw base::BadInput(record.error());
      lines.Add(*record);
    }
    return lines.Finish();
  }
  // In the order of the files: each is read once.
  std::vector<std::uint32_t> order(examples.begin(), examples.end());
  std::sort(order.begin(), order.end());
  std::size_t next = 0;
  for (std::size_t file = 0; file < cache.files().size() && next < order.size(); ++file) {
    if (cache.file(order[next]) != file) continue;
    base::JsonLines records(cache.files()[file]);
    while (next < order.size() && cache.file(order[next]) == file) {
      const std::string wanted = cache.Where(order[next]);
      const auto changed = [&] { return base::BadInput(wanted + ": the file changed since it was tokenised; run again"); };
      auto json = records.Next();
      while (json && records.Where() != wanted) json = records.Next();
      if (!json || !json->ok()) throw changed();
      const base::Result<chat::Transcript> transcript = chat::ReadTranscript(**json);
      if (!transcript.ok()) throw changed();
      const Json record = ExportMessages(*transcript, default_system, policy);
      for (const std::uint32_t same = order[next]; next < order.size() && order[next] == same; ++next) lines.Add(record);
    }
  }
  return lines.Finish();
}

}  // namespace mathcoder::train

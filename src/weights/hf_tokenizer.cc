#include "weights/hf_tokenizer.h"

#include <algorithm>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "weights/pre_tokenizer.h"

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;
using base::Json;
using base::SortedJson;

constexpr char kSpace[] = "\xE2\x96\x81";  // U+2581

bool IsSpecial(const VocabularyToken& token) {
  return token.type == TokenType::kControl || token.type == TokenType::kUserDefined || token.type == TokenType::kUnknown;
}

SortedJson AddedToken(const VocabularyToken& token) {
  return {{"content", token.text}, {"lstrip", false},      {"normalized", false},
          {"rstrip", false},       {"single_word", false}, {"special", token.type != TokenType::kUserDefined}};
}

std::string Dump(const SortedJson& json) { return json.dump(-1, ' ', false, SortedJson::error_handler_t::replace); }

// With the keys in the library's order, and the vocabulary by id: a sorted object would be read, but not by a person.
std::string Serialise(const SortedJson& document) {
  std::string out = "{";
  const auto put = [&](const std::string& key, const std::string& value) {
    out += (out.back() == '{' ? "\n  " : ",\n  ") + Dump(key) + ": " + value;
  };
  std::vector<std::string> keys = {"version",    "truncation",    "padding",        "added_tokens",
                                   "normalizer", "pre_tokenizer", "post_processor", "decoder"};
  for (const auto& [key, value] : document.items()) {
    if (key != "model" && std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
  }
  for (const std::string& key : keys) {
    if (document.contains(key)) put(key, Dump(document[key]));
  }
  const SortedJson& model = document["model"];
  std::string text = "{\"type\": \"BPE\"";
  for (const auto& [key, value] : model.items()) {
    if (key != "type" && key != "vocab" && key != "merges") text += ", " + Dump(key) + ": " + Dump(value);
  }
  std::vector<std::pair<std::size_t, std::string>> vocab;
  for (const auto& [token, id] : model["vocab"].items()) vocab.emplace_back(id.get<std::size_t>(), token);
  std::sort(vocab.begin(), vocab.end());
  text += ",\n    \"vocab\": {";
  for (std::size_t i = 0; i < vocab.size(); ++i) {
    text += (i > 0 ? "," : "") + std::string("\n      ") + Dump(vocab[i].second) + ": " + std::to_string(vocab[i].first);
  }
  text += "\n    },\n    \"merges\": [";
  for (std::size_t i = 0; i < model["merges"].size(); ++i)
    text += (i > 0 ? "," : "") + std::string("\n      ") + Dump(model["merges"][i]);
  put("model", text + "\n    ]\n  }");
  return out + "\n}\n";
}

// The pairs that a SentencePiece BPE joins, from its scores; as Transformers derives them.
SortedJson MergesOf(const Vocabulary& vocabulary) {
  struct Merge {
    float score;
    std::size_t left, right;
  };
  std::unordered_map<std::string_view, std::size_t> ids;
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    if (vocabulary.tokens[i].type == TokenType::kNormal) ids.emplace(vocabulary.tokens[i].text, i);
  }
  std::vector<Merge> merges;
  for (const auto& token : vocabulary.tokens) {
    if (token.type != TokenType::kNormal) continue;
    const std::string_view text = token.text;
    std::vector<Merge> ways;
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      const auto left = ids.find(text.substr(0, cut));
      const auto right = ids.find(text.substr(cut));
      if (left != ids.end() && right != ids.end()) ways.push_back({token.score, left->second, right->second});
    }
    std::sort(ways.begin(), ways.end(),
              [](const Merge& a, const Merge& b) { return std::pair(a.left, a.right) < std::pair(b.left, b.right); });
    merges.insert(merges.end(), ways.begin(), ways.end());
  }
  std::stable_sort(merges.begin(), merges.end(), [](const Merge& a, const Merge& b) { return a.score > b.score; });
  SortedJson out = SortedJson::array();
  for (const Merge& merge : merges) out.push_back({vocabulary.tokens[merge.left].text, vocabulary.tokens[merge.right].text});
  return out;
}

SortedJson Model(const Vocabulary& vocabulary, bool ignore_merges) {
  const bool spm = vocabulary.model == Vocabulary::Model::kSpm;
  // Special tokens behind the vocabulary are added tokens only, as in published models.
  std::size_t end = UsedTokens(vocabulary);
  while (end > 0 && IsSpecial(vocabulary.tokens[end - 1])) --end;
  SortedJson vocab = SortedJson::object();
  for (std::size_t i = 0; i < end; ++i) vocab[vocabulary.tokens[i].text] = i;
  SortedJson model = {{"type", "BPE"},
                      {"dropout", nullptr},
                      {"unk_token", nullptr},
                      {"continuing_subword_prefix", nullptr},
                      {"end_of_word_suffix", nullptr},
                      {"fuse_unk", spm},
                      {"byte_fallback", spm},
                      {"ignore_merges", ignore_merges},
                      {"vocab", std::move(vocab)}};
  if (spm) {
    if (vocabulary.unk) model["unk_token"] = vocabulary.tokens[static_cast<std::size_t>(*vocabulary.unk)].text;
    model["merges"] = MergesOf(vocabulary);
    return model;
  }
  SortedJson merges = SortedJson::array();
  for (const std::string& merge : vocabulary.merges) {
    const std::size_t space = merge.find(' ', 1);
    merges.push_back({merge.substr(0, space), merge.substr(space + 1)});
  }
  model["merges"] = std::move(merges);
  return model;
}

SortedJson BosProcessor(const Vocabulary& vocabulary) {
  if (!vocabulary.add_bos || !vocabulary.bos) return SortedJson();
  const std::string text = vocabulary.tokens[static_cast<std::size_t>(*vocabulary.bos)].text;
  const SortedJson bos = {{"SpecialToken", {{"id", text}, {"type_id", 0}}}};
  const auto sequence = [](const char* id, int type) { return SortedJson{{"Sequence", {{"id", id}, {"type_id", type}}}}; };
  return {{"type", "TemplateProcessing"},
          {"single", {bos, sequence("A", 0)}},
          {"pair", {bos, sequence("A", 0), bos, sequence("B", 1)}},
          {"special_tokens", {{text, {{"id", text}, {"ids", {*vocabulary.bos}}, {"tokens", {text}}}}}}};
}

std::string TextOf(const Vocabulary& vocabulary, const std::optional<TokenId>& id) {
  return id ? vocabulary.tokens[static_cast<std::size_t>(*id)].text : "";
}

}  // namespace

HfFiles ReadHfFiles(const fs::path& folder) {
  HfFiles files;
  std::error_code error;
  for (const char* name : {"tokenizer.json", "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json",
                           "added_tokens.json", "chat_template.jinja", "generation_config.json"}) {
    if (fs::exists(folder / name, error)) files[name] = base::ReadFile(folder / name);
  }
  return files;
}

std::string TokenizerJson(const Vocabulary& vocabulary) {
  SortedJson document = {{"version", "1.0"}, {"truncation", nullptr}, {"padding", nullptr}, {"normalizer", nullptr}};
  bool ignore_merges = false;
  if (vocabulary.model == Vocabulary::Model::kSpm) {
    SortedJson steps = SortedJson::array();
    if (vocabulary.add_space_prefix) steps.push_back({{"type", "Prepend"}, {"prepend", kSpace}});
    steps.push_back({{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", kSpace}});
    document["normalizer"] = {{"type", "Sequence"}, {"normalizers", steps}};
    document["pre_tokenizer"] = nullptr;
    SortedJson decoders = {
        {{"type", "Replace"}, {"pattern", {{"String", kSpace}}}, {"content", " "}}, {{"type", "ByteFallback"}}, {{"type", "Fuse"}}};
    if (vocabulary.add_space_prefix) decoders.push_back({{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
    document["decoder"] = {{"type", "Sequence"}, {"decoders", decoders}};
  } else {
    const auto rule = PreTokenizerRule(vocabulary.pre, ignore_merges);
    if (!rule) {
      throw base::BadInput("the vocabulary cuts text into words by llama.cpp's rule '" + vocabulary.pre +
                           "', whose form in tokenizer.json is not known here");
    }
    document["pre_tokenizer"] = *rule;
    if (vocabulary.pre == "qwen2") document["normalizer"] = {{"type", "NFC"}};  // as the published models
    document["decoder"] = {{"type", "ByteLevel"}, {"add_prefix_space", true}, {"trim_offsets", true}, {"use_regex", true}};
  }
  document["post_processor"] = BosProcessor(vocabulary);
  document["model"] = Model(vocabulary, ignore_merges);
  SortedJson added = SortedJson::array();
  for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
    if (!IsSpecial(vocabulary.tokens[i])) continue;
    SortedJson token = AddedToken(vocabulary.tokens[i]);
    token["id"] = i;
    added.push_back(std::move(token));
  }
  document["added_tokens"] = std::move(added);
  return Serialise(document);
}

HfFiles HfFilesOf(const Vocabulary& vocabulary, const HfFiles& kept) {
  HfFiles files = kept;
  files["tokenizer.json"] = TokenizerJson(vocabulary);
  if (!files.contains("tokenizer_config.json")) {
    Json settings = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                     {"clean_up_tokenization_spaces", false},
                     {"add_bos_token", vocabulary.add_bos}};
    const auto name = [&](const char* key, const std::optional<TokenId>& id) {
      if (id) settings[key] = TextOf(vocabulary, id);
    };
    name("bos_token", vocabulary.bos);
    name("eos_token", vocabulary.eos);
    name("pad_token", vocabulary.pad);
    name("unk_token", vocabulary.unk);
    if (!vocabulary.chat_template.empty()) settings["chat_template"] = vocabulary.chat_template;
    files["tokenizer_config.json"] = settings.dump(2) + "\n";
  }
  if (!files.contains("generation_config.json") && vocabulary.eos) {
    Json ends = *vocabulary.eos;
    if (vocabulary.eot) ends = {*vocabulary.eos, *vocabulary.eot};
    Json generation = {{"eos_token_id", ends}};
    if (vocabulary.bos) generation["bos_token_id"] = *vocabulary.bos;
    files["generation_config.json"] = generation.dump(2) + "\n";
  }
  return files;
}

HfFiles WithAddedTokens(HfFiles files, const Vocabulary& vocabulary, const std::vector<TokenId>& added) {
  if (added.empty()) return files;
  if (files.contains("tokenizer.json")) {
    SortedJson document = SortedJson::parse(files["tokenizer.json"]);
    SortedJson& list = document["added_tokens"];
    if (!list.is_array()) list = SortedJson::array();
    for (const TokenId id : added) {
      SortedJson token = AddedToken(vocabulary.tokens[static_cast<std::size_t>(id)]);
      token["id"] = id;
      list.push_back(std::move(token));
    }
    files["tokenizer.json"] = Serialise(document);
  } else {
    files["tokenizer.json"] = TokenizerJson(vocabulary);
  }
  Json settings = files.contains("tokenizer_config.json") ? Json::parse(files["tokenizer_config.json"]) : Json::object();
  Json special = files.contains("special_tokens_map.json") ? Json::parse(files["special_tokens_map.json"]) : Json();
  Json older = files.contains("added_tokens.json") ? Json::parse(files["added_tokens.json"]) : Json::object();
  for (const TokenId id : added) {
    const VocabularyToken& token = vocabulary.tokens[static_cast<std::size_t>(id)];
    if (settings.contains("added_tokens_decoder"))
      settings["added_tokens_decoder"][std::to_string(id)] = Json::parse(Dump(AddedToken(token)));
    for (Json* holder : {&settings, &special}) {
      if (holder->is_object() && holder->contains("additional_special_tokens"))
        (*holder)["additional_special_tokens"].push_back(token.text);
    }
    older[token.text] = id;
  }
  if (files.contains("tokenizer_config.json")) files["tokenizer_config.json"] = settings.dump(2) + "\n";
  if (special.is_object()) files["special_tokens_map.json"] = special.dump(2) + "\n";
  // What reads tokenizer.model finds its added tokens here.
  if (files.contains("tokenizer.model") || files.contains("added_tokens.json")) files["added_tokens.json"] = older.dump(2) + "\n";
  return files;
}

}  // namespace mathcoder::weights

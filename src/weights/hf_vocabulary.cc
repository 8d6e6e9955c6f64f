// Reads the vocabulary of a Hugging Face folder.
#include <algorithm>
#include <map>
#include <unordered_map>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "weights/pre_tokenizer.h"
#include "weights/sentencepiece_model.h"
#include "weights/vocabulary.h"

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;
using base::BadInput;
using base::SortedJson;

constexpr char kSpace[] = "\xE2\x96\x81";  // U+2581

SortedJson ReadJson(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return SortedJson();
  SortedJson json = SortedJson::parse(base::ReadFile(path), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) throw BadInput(path.string() + ": is no JSON object");
  return json;
}

const SortedJson* Get(const SortedJson& object, const char* key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() || found->is_null() ? nullptr : &*found;
}

std::string TextOf(const SortedJson* value) {
  if (value == nullptr) return "";
  if (value->is_string()) return value->get<std::string>();
  if (value->is_object() && value->contains("content") && (*value)["content"].is_string())
    return (*value)["content"].get<std::string>();
  return "";
}

struct Added {
  std::string text;
  bool special = false;
};

class Reader {
 public:
  Reader(const fs::path& folder, const ReadVocabularyOptions& options)
      : folder_(folder),
        options_(options),
        tokenizer_(ReadJson(folder / "tokenizer.json")),
        settings_(ReadJson(folder / "tokenizer_config.json")),
        special_map_(ReadJson(folder / "special_tokens_map.json")),
        config_(ReadJson(folder / "config.json")),
        generation_(ReadJson(folder / "generation_config.json")) {}

  Vocabulary Read() {
    std::error_code error;
    const bool model = fs::exists(folder_ / "tokenizer.model", error);
    if (tokenizer_.is_null() && !model) {
      throw BadInput(folder_.string() + ": holds neither tokenizer.json nor tokenizer.model" +
                     (fs::exists(folder_ / "vocab.json", error)
                          ? "; it has the older vocab.json: load and save its tokenizer once with Transformers"
                          : ""));
    }
    if (!tokenizer_.is_null()) ReadTokenizerJson();
    if (model && (tokenizer_.is_null() || out_.model == Vocabulary::Model::kSpm)) ReadModel();
    ReadAdded();
    ReadSpecialIds();
    ReadTemplate();
    CheckVocabulary(out_, folder_.string());
    return std::move(out_);
  }

 private:
  base::Error Bad(const std::string& what) const { return BadInput((folder_ / "tokenizer.json").string() + ": " + what); }

  void ReadTokenizerJson() {
    const SortedJson* model = Get(tokenizer_, "model");
    if (model == nullptr || !model->is_object()) throw Bad("has no model");
    const std::string type = model->value("type", std::string(model->contains("merges") ? "BPE" : ""));
    if (type != "BPE") throw Bad("is of the kind '" + type + "', which is not supported (BPE is)");
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!TextOf(Get(*model, key)).empty()) throw Bad(std::string("marks words with ") + key + ", which llama.cpp does not do");
    }
    const SortedJson* vocab = Get(*model, "vocab");
    if (vocab == nullptr || !vocab->is_object()) throw Bad("has no model.vocab");
    for (const auto& [text, id] : vocab->items()) Place(text, id, TokenType::kNormal);
    if (model->value("byte_fallback", false)) {
      out_.model = Vocabulary::Model::kSpm;
      CheckSpaces();
      MarkBytes();
      unk_text_ = TextOf(Get(*model, "unk_token"));
    } else {
      RecogniseWords(model->value("ignore_merges", false));
    }
    ReadMerges(*model);
  }

  void Place(const std::string& text, const SortedJson& id, TokenType type) {
    if (!id.is_number_unsigned() || id.get<std::uint64_t>() > 10'000'000)
      throw Bad("token \"" + text + "\" has the id " + id.dump());
    const auto index = id.get<std::size_t>();
    if (index >= out_.tokens.size()) out_.tokens.resize(index + 1);
    if (!out_.tokens[index].text.empty() && out_.tokens[index].text != text) {
      throw Bad("id " + std::to_string(index) + " is both \"" + out_.tokens[index].text + "\" and \"" + text + "\"");
    }
    out_.tokens[index] = {text, type, 0};
  }

  // SentencePiece's way in tokenizer.json: a space becomes U+2581, one is put in front, and nothing else happens to the text.
  void CheckSpaces() {
    bool replaced = false;
    std::vector<SortedJson> steps;
    if (const SortedJson* normalizer = Get(tokenizer_, "normalizer")) {
      if (normalizer->value("type", "") == "Sequence") {
        for (const SortedJson& step : (*normalizer)["normalizers"]) steps.push_back(step);
      } else {
        steps.push_back(*normalizer);
      }
    }
    for (const SortedJson& step : steps) {
      const std::string type = step.value("type", "");
      if (type == "Prepend" && step.value("prepend", "") == kSpace) {
        out_.add_space_prefix = true;
      } else if (type == "Replace" && step.value("content", "") == kSpace && step["pattern"].value("String", "") == " ") {
        replaced = true;
      } else {
        throw Bad("changes text before it is cut (normalizer " + type +
                  "), which llama.cpp does not do for this kind of vocabulary");
      }
    }
    if (const SortedJson* words = Get(tokenizer_, "pre_tokenizer")) {
      if (words->value("type", "") != "Metaspace" || words->value("replacement", "") != kSpace || words->value("split", true)) {
        throw Bad("cuts text into words (pre_tokenizer " + words->value("type", "") +
                  "), which llama.cpp does not do for a vocabulary with byte_fallback");
      }
      replaced = true;
      out_.add_space_prefix = words->value("prepend_scheme", "always") != "never";
    }
    if (!replaced) throw Bad("has byte_fallback, but does not write a space as U+2581; such a vocabulary is not supported");
  }

  void MarkBytes() {
    constexpr char kDigits[] = "0123456789ABCDEF";
    for (VocabularyToken& token : out_.tokens) {
      const std::string& t = token.text;
      if (t.size() == 6 && t.starts_with("<0x") && t[5] == '>' && std::string_view(kDigits).find(t[3]) != std::string_view::npos &&
          std::string_view(kDigits).find(t[4]) != std::string_view::npos) {
        token.type = TokenType::kByte;
      }
    }
  }

  void RecogniseWords(bool ignore_merges) {
    out_.model = Vocabulary::Model::kBpe;
    if (!options_.pre.empty()) {
      out_.pre = options_.pre;
      return;
    }
    const SortedJson* normalizer = Get(tokenizer_, "normalizer");
    // Qwen2's: what people type is in this form already; docs/weights.md names the difference.
    if (normalizer != nullptr && normalizer->value("type", "") != "NFC") {
      throw Bad("changes text before it is cut (normalizer " + normalizer->value("type", "") + "), which llama.cpp does not do");
    }
    const SortedJson rule = tokenizer_.value("pre_tokenizer", SortedJson());
    const auto name = RecognisePreTokenizer(rule, ignore_merges);
    if (!name) {
      throw Bad("cuts text into words by a rule that is not known here (" + rule.dump().substr(0, 120) +
                "); if llama.cpp knows it, name it with --pre (" + Join(PreTokenizerNames()) + ", or another name of llama.cpp's)");
    }
    out_.pre = *name;
  }

  static std::string Join(const std::vector<std::string>& names) {
    std::string text;
    for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
    return text;
  }

  void ReadMerges(const SortedJson& model) {
    const SortedJson* merges = Get(model, "merges");
    if (merges == nullptr || !merges->is_array()) throw Bad("has no model.merges");
    std::unordered_map<std::string_view, std::size_t> ids;
    for (std::size_t i = 0; i < out_.tokens.size(); ++i) ids.emplace(out_.tokens[i].text, i);
    const bool spm = out_.model == Vocabulary::Model::kSpm;
    // What no merge makes comes last.
    if (spm) {
      for (VocabularyToken& token : out_.tokens) token.score = token.type == TokenType::kNormal ? -1e9F : 0;
    }
    std::size_t rank = 0;
    for (const SortedJson& merge : *merges) {
      std::string left, right;
      if (merge.is_string()) {
        const auto text = merge.get<std::string>();
        const std::size_t space = text.find(' ', 1);
        if (space == std::string::npos) throw Bad("merge " + std::to_string(rank) + " is no pair: " + merge.dump());
        left = text.substr(0, space);
        right = text.substr(space + 1);
      } else if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
        left = merge[0].get<std::string>();
        right = merge[1].get<std::string>();
      } else {
        throw Bad("merge " + std::to_string(rank) + " is no pair: " + merge.dump());
      }
      const auto made = ids.find(left + right);
      if (made == ids.end()) throw Bad("merge " + std::to_string(rank) + " makes \"" + left + right + "\", which is no token");
      if (spm) {
        // SentencePiece's scores of a BPE: minus the order in which pieces were learnt.
        VocabularyToken& token = out_.tokens[made->second];
        if (token.score == -1e9F) token.score = -static_cast<float>(rank);
      } else {
        out_.merges.push_back(left + " " + right);
      }
      ++rank;
    }
  }

  void ReadModel() {
    SentencePieceModel model = ReadSentencePieceModel(folder_ / "tokenizer.model");
    if (!tokenizer_.is_null()) {
      // tokenizer.json decides what ids mean; the model's exact scores and types are better than those that merges imply.
      if (model.tokens.size() > out_.tokens.size()) return;
      for (std::size_t i = 0; i < model.tokens.size(); ++i) {
        if (model.tokens[i].text != out_.tokens[i].text) return;
      }
      std::copy(model.tokens.begin(), model.tokens.end(), out_.tokens.begin());
      return;
    }
    out_.model = Vocabulary::Model::kSpm;
    out_.tokens = std::move(model.tokens);
    out_.add_space_prefix = model.add_space_prefix;
    const auto known = [](TokenId id) { return id >= 0 ? std::optional(id) : std::nullopt; };
    out_.unk = known(model.unk);
    out_.bos = known(model.bos);
    out_.eos = known(model.eos);
    out_.pad = known(model.pad);
  }

  void ReadAdded() {
    std::map<std::size_t, Added> added;
    if (const SortedJson* list = Get(tokenizer_, "added_tokens"); list != nullptr && list->is_array()) {
      for (const SortedJson& token : *list) {
        if (!token.contains("id") || !token["id"].is_number_unsigned()) throw Bad("an added token has no id: " + token.dump());
        added[token["id"].get<std::size_t>()] = {token.value("content", ""), token.value("special", false)};
      }
    }
    if (const SortedJson* decoder = Get(settings_, "added_tokens_decoder"); decoder != nullptr && decoder->is_object()) {
      for (const auto& [id, token] : decoder->items()) {
        char* end = nullptr;
        const unsigned long index = std::strtoul(id.c_str(), &end, 10);
        if (end == id.c_str() || *end != '\0')
          throw BadInput((folder_ / "tokenizer_config.json").string() + ": added_tokens_decoder has the id \"" + id + "\"");
        added.emplace(index, Added{token.value("content", ""), token.value("special", false)});
      }
    }
    const SortedJson older = ReadJson(folder_ / "added_tokens.json");
    for (const auto& [text, id] : older.items()) {
      if (id.is_number_unsigned()) added.emplace(id.get<std::size_t>(), Added{text, true});
    }
    for (const auto& [index, token] : added) {
      if (index > 10'000'000 || token.text.empty()) throw Bad("an added token has the id " + std::to_string(index) + " or no text");
      if (index >= out_.tokens.size()) out_.tokens.resize(index + 1);
      VocabularyToken& place = out_.tokens[index];
      if (!place.text.empty() && place.text != token.text) {
        throw Bad("id " + std::to_string(index) + " is \"" + place.text + "\" in the vocabulary, but \"" + token.text +
                  "\" among the added tokens");
      }
      place.text = token.text;
      if (place.type != TokenType::kUnknown && place.type != TokenType::kByte) {
        place.type = token.special ? TokenType::kControl : TokenType::kUserDefined;
      }
      place.score = 0;
    }
    for (std::size_t i = 0; i < out_.tokens.size(); ++i) {
      if (out_.tokens[i].text.empty()) out_.tokens[i] = {"[PAD" + std::to_string(i) + "]", TokenType::kUnused, 0};
    }
  }

  // tokenizer_config.json, then special_tokens_map.json, then config.json's id where neither has the key.
  std::optional<TokenId> SpecialId(const std::string& name, std::optional<TokenId> otherwise) const {
    const std::string key = name + "_token";
    for (const SortedJson* source : {&settings_, &special_map_}) {
      if (!source->is_object() || !source->contains(key)) continue;
      const std::string text = TextOf(Get(*source, key.c_str()));
      return text.empty() ? std::nullopt : out_.Find(text);
    }
    const std::string id = key + "_id";
    if (const SortedJson* value = Get(config_, id.c_str()); value != nullptr && value->is_number_unsigned()) {
      return value->get<TokenId>();
    }
    return otherwise;
  }

  void ReadSpecialIds() {
    out_.bos = SpecialId("bos", out_.bos);
    out_.eos = SpecialId("eos", out_.eos);
    out_.pad = SpecialId("pad", out_.pad);
    out_.unk = SpecialId("unk", out_.unk ? out_.unk : (unk_text_.empty() ? std::nullopt : out_.Find(unk_text_)));
    if (out_.unk && out_.model == Vocabulary::Model::kSpm)
      out_.tokens[static_cast<std::size_t>(*out_.unk)].type = TokenType::kUnknown;
    for (const auto& id : {out_.bos, out_.eos}) {
      if (!id || static_cast<std::size_t>(*id) >= out_.tokens.size()) continue;
      VocabularyToken& token = out_.tokens[static_cast<std::size_t>(*id)];
      if (token.type == TokenType::kNormal || token.type == TokenType::kUserDefined) token.type = TokenType::kControl;
    }
    if (const SortedJson* ends = Get(generation_, "eos_token_id"); ends != nullptr && ends->is_array()) {
      for (const SortedJson& id : *ends) {
        if (id.is_number_unsigned() && id.get<TokenId>() != out_.eos.value_or(-1)) {
          out_.eot = id.get<TokenId>();
          break;
        }
      }
    }
    ReadAddBos();
  }

  void ReadAddBos() {
    if (const SortedJson* flag = Get(settings_, "add_bos_token"); flag != nullptr && flag->is_boolean()) {
      out_.add_bos = flag->get<bool>() && out_.bos;
      return;
    }
    if (tokenizer_.is_null()) {
      out_.add_bos = out_.bos.has_value();  // LlamaTokenizer's default
      return;
    }
    std::vector<const SortedJson*> steps = {Get(tokenizer_, "post_processor")};
    if (steps[0] != nullptr && steps[0]->value("type", "") == "Sequence") {
      const SortedJson& list = (*steps[0])["processors"];
      steps.clear();
      for (const SortedJson& step : list) steps.push_back(&step);
    }
    for (const SortedJson* step : steps) {
      if (step == nullptr || step->value("type", "") != "TemplateProcessing") continue;
      const SortedJson single = step->value("single", SortedJson::array());
      if (single.empty() || !single[0].contains("SpecialToken")) continue;
      const auto id = out_.Find(single[0]["SpecialToken"].value("id", ""));
      if (!id) continue;
      out_.add_bos = true;
      if (!out_.bos) out_.bos = id;
    }
  }

  void ReadTemplate() {
    std::error_code error;
    if (fs::exists(folder_ / "chat_template.jinja", error)) {
      out_.chat_template = base::ReadFile(folder_ / "chat_template.jinja");
      return;
    }
    const SortedJson* value = Get(settings_, "chat_template");
    if (value == nullptr) return;
    if (value->is_string()) out_.chat_template = value->get<std::string>();
    if (!value->is_array()) return;
    for (const SortedJson& named : *value) {
      if (named.value("name", "") == "default") out_.chat_template = named.value("template", "");
    }
  }

  const fs::path folder_;
  const ReadVocabularyOptions& options_;
  const SortedJson tokenizer_, settings_, special_map_, config_, generation_;
  std::string unk_text_;
  Vocabulary out_;
};

}  // namespace

Vocabulary ReadHfVocabulary(const fs::path& folder, const ReadVocabularyOptions& options) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) throw BadInput(folder.string() + ": is no folder; a Hugging Face model is a folder");
  try {
    return Reader(folder, options).Read();
  } catch (const SortedJson::exception& wrong) {
    throw BadInput(folder.string() + ": its tokenizer's files do not have the expected form (" + wrong.what() + ")");
  }
}

}  // namespace mathcoder::weights

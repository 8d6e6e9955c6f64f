#include "chat/jsonl_formats.h"

#include <algorithm>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "chat/jsonl_record.h"

namespace mathcoder::chat {
namespace {

using base::Failure;
using base::Json;

// The published program stopped after this many texts and codes (16 pairs); a message that ends there was cut, and no answer was
// appended to it. All 221 cut transcripts of the published outputs have exactly so many.
constexpr std::size_t kPublishedBlockLimit = 32;

bool IsOneOf(std::string_view key, std::initializer_list<std::string_view> keys) {
  return std::find(keys.begin(), keys.end(), key) != keys.end();
}

// The first of `keys` that the record has and that is not null.
const Json* FindFirst(const Json& record, std::initializer_list<const char*> keys, std::string* name) {
  for (const char* key : keys) {
    const auto found = record.find(key);
    if (found != record.end() && !found->is_null()) {
      *name = key;
      return &*found;
    }
  }
  return nullptr;
}

std::optional<Failure> ReadId(const Json& record, Problem* problem, std::string* used) {
  const Json* id = FindFirst(record, {"id", "idx"}, used);
  if (id == nullptr) return std::nullopt;
  if (id->is_string()) {
    problem->id = id->get<std::string>();
  } else if (id->is_number()) {
    problem->id = base::Dump(*id);
    problem->id_is_number = true;
  } else {
    return WrongField(*used, *id, "a string or a number");
  }
  return std::nullopt;
}

// Every field of the record but `used`, in its order; null where there is none.
Json Others(const Json& record, const std::vector<std::string>& used) {
  Json others;
  for (const auto& [key, value] : record.items()) {
    if (std::find(used.begin(), used.end(), key) == used.end()) others[key] = value;
  }
  return others;
}

// What a problem's reference looks like in the forms that have no "ground_truth".
Json ReadReference(const Json& record, std::vector<std::string>* used) {
  std::string name;
  if (const Json* truth = FindFirst(record, {"ground_truth"}, &name)) return used->push_back(name), *truth;
  Json reference;
  if (const Json* solution = FindFirst(record, {"gt_cot"}, &name)) used->push_back(name), reference["solution"] = *solution;
  if (const Json* answer = FindFirst(record, {"expected_answer", "gt", "answer"}, &name))
    used->push_back(name), reference["answer"] = *answer;
  return reference;
}

base::Result<Problem> ReadProblemBut(const Json& record, std::vector<std::string> used) {
  if (!record.is_object()) return Failure{"a record must be an object, found " + Describe(record)};
  Problem problem;
  std::string name;
  if (auto failure = ReadId(record, &problem, &name)) return *failure;
  used.push_back(name);
  if (const Json* messages = FindFirst(record, {"messages"}, &name)) {
    base::Result<Messages> read = ReadMessages(*messages);
    if (!read) return Failure{read.error()};
    problem.question = read->question;
    problem.system = read->system;
    if (read->assistant == nullptr)
      used.push_back(name);  // an answered conversation is kept whole
    else if (std::find(used.begin(), used.end(), "debug_result") != used.end())
      used.push_back(name);
  } else if (const Json* question = FindFirst(record, {"problem", "question", "prompt"}, &name)) {
    if (!question->is_string()) return WrongField(name, *question, "a string");
    problem.question = question->get<std::string>();
    used.push_back(name);
  } else {
    return Failure{"the record has no 'messages', 'problem', 'question' or 'prompt'; it asks nothing"};
  }
  if (problem.question.find_first_not_of(" \t\r\n") == std::string::npos)
    return Failure{"the question (field '" + name + "') is empty"};
  problem.reference = ReadReference(record, &used);
  problem.extra = Others(record, used);
  return problem;
}

struct Entry {
  std::string key;   // "role" or "type": where the kind stands
  std::string kind;  // "system", "text", ...
  std::string content;
  bool plain = false;  // {key, "content"} and nothing else, in this order
};

base::Result<Entry> ReadEntry(const Json& json, const std::string& where) {
  if (!json.is_object()) return WrongField(where, json, "an object {\"role\" or \"type\", \"content\"}");
  Entry entry;
  const Json* kind = FindFirst(json, {"role", "type"}, &entry.key);
  if (kind == nullptr) return Failure{"field '" + where + "' has neither 'role' nor 'type'"};
  if (!kind->is_string()) return WrongField(where + "." + entry.key, *kind, "\"text\", \"code\" or \"execution\"");
  const auto content = json.find("content");
  if (content == json.end()) return Failure{"field '" + where + ".content' is missing"};
  if (!content->is_string()) return WrongField(where + ".content", *content, "a string");
  entry.kind = kind->get<std::string>();
  entry.content = content->get<std::string>();
  entry.plain = json.size() == 2 && json.begin().key() == entry.key;
  return entry;
}

// A list of blocks as a record has it: "head" (system and user entries), blocks, and how their entries were written.
struct ReadBlocks {
  Json head = Json::array();
  std::vector<Block> blocks;
  std::string key;  // of plain entries
  bool plain = true;
};

base::Result<ReadBlocks> ReadEntries(const Json& list, const std::string& name) {
  if (!list.is_array()) return WrongField(name, list, "a list of {\"role\" or \"type\", \"content\"}");
  ReadBlocks read;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string where = name + "[" + std::to_string(i) + "]";
    base::Result<Entry> entry = ReadEntry(list[i], where);
    if (!entry) return Failure{entry.error()};
    if (read.blocks.empty() && (entry->kind == "system" || entry->kind == "user")) {
      read.head.push_back(list[i]);
      continue;
    }
    const auto kind = BlockKindFromName(entry->kind);
    if (!kind) return WrongField(where + "." + entry->key, Json(entry->kind), "\"text\", \"code\" or \"execution\"");
    if (read.blocks.empty()) read.key = entry->key;
    read.plain = read.plain && entry->plain && entry->key == read.key;
    read.blocks.push_back({*kind, entry->content});
  }
  return read;
}

// The published program appended the answer that it had found to a message that ended, as one more text: normalised ("4,6,0" of
// \boxed{4, 6, 0}), so never the model's own words, and equal to "completion".
bool EndsWithAppendedAnswer(const std::vector<Block>& blocks, const Json& record) {
  const std::size_t n = blocks.size();
  if (n < 2 || blocks[n - 1].kind != BlockKind::kText || blocks[n - 2].kind != BlockKind::kText) return false;
  const auto generated =
      std::count_if(blocks.begin(), blocks.end(), [](const Block& block) { return block.kind != BlockKind::kExecution; });
  const auto completion = record.find("completion");
  return static_cast<std::size_t>(generated) != kPublishedBlockLimit && completion != record.end() &&
         *completion == blocks[n - 1].text;
}

Json EntryOf(const Block& block, const std::string& key) { return {{key, std::string(Name(block.kind))}, {"content", block.text}}; }

// `shapes`: entries to take fields and their order from where there is one for each block; else every entry is {key, "content"}.
Json EntriesOf(const std::vector<Block>& blocks, const Json& shapes, const std::string& key) {
  Json entries = Json::array();
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const bool shaped = shapes.is_array() && shapes.size() == blocks.size() && shapes[i].is_object();
    Json entry = shaped ? shapes[i] : EntryOf(blocks[i], key);
    if (shaped) {
      entry[entry.contains("role") && !entry["role"].is_null() ? "role" : "type"] = std::string(Name(blocks[i].kind));
      entry["content"] = blocks[i].text;
    }
    entries.push_back(std::move(entry));
  }
  return entries;
}

void AppendAll(const Json& more, Json* list) {
  for (const Json& item : more) list->push_back(item);
}

// Without the texts, which are in the blocks.
Json Shapes(const Json& list, std::size_t first, std::size_t count) {
  Json shapes = Json::array();
  for (std::size_t i = first; i < first + count; ++i) {
    shapes.push_back(list[i]);
    shapes.back()["content"] = nullptr;
  }
  return shapes;
}

base::Result<Transcript> ReadPublished(const Json& record) {
  base::Result<ReadBlocks> read = ReadEntries(record["debug_result"], "debug_result");
  if (!read) return Failure{read.error()};
  Json asked = record;
  std::string name;
  if (FindFirst(record, {"messages", "problem", "question", "prompt"}, &name) == nullptr) asked["messages"] = read->head;
  base::Result<Problem> problem = ReadProblemBut(asked, {"debug_result", "completion"});
  if (!problem) return Failure{problem.error()};
  Transcript transcript;
  transcript.problem = std::move(problem).value();
  transcript.blocks = read->blocks;
  const Json& list = record["debug_result"];
  Json around = {{"head", read->head}, {"entries", read->key}, {"answer", nullptr}};
  if (EndsWithAppendedAnswer(transcript.blocks, record)) {
    transcript.final_answer = transcript.blocks.back().text;
    transcript.blocks.pop_back();
    around["answer"] = list.back();
  } else {
    const auto generated = std::count_if(transcript.blocks.begin(), transcript.blocks.end(),
                                         [](const Block& block) { return block.kind != BlockKind::kExecution; });
    if (static_cast<std::size_t>(generated) >= kPublishedBlockLimit) {
      transcript.ending = Ending::kBlockLimit;
      transcript.ending_detail = std::to_string(generated) + " blocks";
    } else if (record.contains("completion") && record["completion"].is_string()) {
      transcript.final_answer = record["completion"].get<std::string>();
    }
  }
  if (!read->plain) around["entries"] = Shapes(list, read->head.size(), transcript.blocks.size());
  transcript.published = record;
  transcript.published["debug_result"] = std::move(around);
  return transcript;
}

// MathCodeInstruct: the assistant's message is the list of blocks.
base::Result<Transcript> ReadInstruct(const Json& record, const Json& content) {
  base::Result<ReadBlocks> read = ReadEntries(content, "messages.assistant.content");
  if (!read) return Failure{read.error()};
  base::Result<Problem> problem = ReadProblemBut(record, {"debug_result"});
  if (!problem) return Failure{problem.error()};
  Transcript transcript;
  transcript.problem = std::move(problem).value();
  transcript.blocks = read->blocks;
  transcript.published = record;
  for (Json& message : transcript.published["messages"]) {
    if (message["role"] != "assistant") continue;
    message["content"] = Shapes(content, 0, content.size());
    break;
  }
  return transcript;
}

base::Result<Transcript> ReadOwn(const Json& record) {
  const Json& own = record["mathcoder"];
  Transcript transcript;
  std::string name;
  if (auto failure = ReadId(record, &transcript.problem, &name)) return *failure;
  const auto messages = record.find("messages");
  if (messages == record.end()) return Failure{"field 'messages' is missing"};
  base::Result<Messages> read = ReadMessages(*messages);
  if (!read) return Failure{read.error()};
  transcript.problem.system = read->system;
  transcript.problem.question = read->question;
  if (record.contains("ground_truth")) transcript.problem.reference = record["ground_truth"];
  const auto list = record.find("debug_result");
  if (list == record.end()) return Failure{"field 'debug_result' is missing"};
  base::Result<ReadBlocks> blocks = ReadEntries(*list, "debug_result");
  if (!blocks) return Failure{blocks.error()};
  transcript.blocks = blocks->blocks;
  const auto completion = record.find("completion");
  if (completion == record.end()) return Failure{"field 'completion' is missing"};
  if (!completion->is_string()) return WrongField("completion", *completion, "a string");
  transcript.final_answer = completion->get<std::string>();
  if (auto failure = ReadOwnPart(own, &transcript)) return *failure;
  if (own.contains("answer_appended") && own["answer_appended"] == true) {
    if (transcript.blocks.empty())
      return Failure{"field 'debug_result' lacks the answer that 'mathcoder.answer_appended' says it ends with"};
    transcript.blocks.pop_back();
  }
  transcript.problem.extra = Others(record, {"id", "messages", "ground_truth", "debug_result", "completion", "mathcoder"});
  if (own.contains("extra")) transcript.problem.extra = own["extra"];
  if (own.contains("published")) transcript.published = own["published"];
  return transcript;
}

Json MessageOf(const char* role, const std::string& text) {
  return {{"role", role}, {"content", Json::array({{{"type", "text"}, {"content", text}}})}};
}

// The published form from the members alone. `answer`: the final answer is the last entry, as readers of that form expect.
Json FromMembers(const Transcript& transcript, bool answer) {
  const Problem& problem = transcript.problem;
  Json record = Json::object();
  Json messages = Json::array();
  Json result = Json::array();
  if (!problem.id.empty()) {
    const Json number = problem.id_is_number ? Json::parse(problem.id, nullptr, false) : Json();
    record["id"] = number.is_number() ? number : Json(problem.id);
  }
  if (problem.system) {
    messages.push_back(MessageOf("system", *problem.system));
    result.push_back({{"role", "system"}, {"content", *problem.system}});
  }
  messages.push_back(MessageOf("user", problem.question));
  result.push_back({{"role", "user"}, {"content", problem.question}});
  AppendAll(EntriesOf(transcript.blocks, nullptr, "role"), &result);
  if (answer) result.push_back(EntryOf({BlockKind::kText, transcript.final_answer}, "role"));
  record["messages"] = std::move(messages);
  if (!problem.reference.is_null()) record["ground_truth"] = problem.reference;
  record["debug_result"] = std::move(result);
  record["completion"] = transcript.final_answer;
  return record;
}

bool AppendsAnswer(const Transcript& transcript) {
  return transcript.ending == Ending::kAnswered && !transcript.final_answer.empty();
}

// True where the extra fields can stand beside the record's own.
bool Fits(const Json& extra) {
  if (!extra.is_object() || extra.empty()) return false;
  for (const auto& [key, value] : extra.items()) {
    if (IsOneOf(key, {"id", "idx", "messages", "ground_truth", "debug_result", "completion", "mathcoder"})) return false;
  }
  return true;
}

void AddExtra(const Json& extra, Json* record) {
  for (const auto& [key, value] : extra.items()) (*record)[key] = value;
}

}  // namespace

base::Result<Problem> ReadProblem(const Json& record) { return ReadProblemBut(record, {}); }

base::Result<Transcript> ReadTranscript(const Json& record) {
  if (!record.is_object()) return Failure{"a record must be an object, found " + Describe(record)};
  const auto own = record.find("mathcoder");
  if (own != record.end() && own->is_object()) return ReadOwn(record);
  if (record.contains("debug_result")) return ReadPublished(record);
  const auto messages = record.find("messages");
  if (messages != record.end()) {
    base::Result<Messages> read = ReadMessages(*messages);
    if (!read) return Failure{read.error()};
    if (read->assistant != nullptr && read->assistant->is_array()) return ReadInstruct(record, *read->assistant);
  }
  return Failure{"the record has neither 'debug_result' nor an assistant message that is a list of blocks; it is no transcript"};
}

Json WriteMathCoder(const Transcript& transcript) {
  if (transcript.published.is_null()) {
    Json record = FromMembers(transcript, AppendsAnswer(transcript));
    if (Fits(transcript.problem.extra)) AddExtra(transcript.problem.extra, &record);
    return record;
  }
  Json record = transcript.published;
  if (!record.contains("debug_result")) {
    for (Json& message : record["messages"]) {
      if (message["role"] != "assistant") continue;
      message["content"] = EntriesOf(transcript.blocks, message["content"], "type");
      break;
    }
    return record;
  }
  const Json around = std::exchange(record["debug_result"], Json::array());
  const Json& entries = around["entries"];
  Json& list = record["debug_result"];
  AppendAll(around["head"], &list);
  AppendAll(EntriesOf(transcript.blocks, entries,
                      entries.is_string() && !entries.get<std::string>().empty() ? entries.get<std::string>() : "role"),
            &list);
  if (!around["answer"].is_null()) list.push_back(around["answer"]);
  return record;
}

Json WriteTranscript(const Transcript& transcript) {
  const bool answer = AppendsAnswer(transcript);
  Json record = FromMembers(transcript, answer);
  Json own = WriteOwnPart(transcript);
  own["answer_appended"] = answer;
  const Json& extra = transcript.problem.extra;
  if (Fits(extra)) {
    AddExtra(extra, &record);
  } else if (!extra.is_null()) {
    own["extra"] = extra;
  }
  if (!transcript.published.is_null()) own["published"] = transcript.published;
  record["mathcoder"] = std::move(own);
  return record;
}

}  // namespace mathcoder::chat

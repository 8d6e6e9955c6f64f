#include <cstring>

#include "base/file.h"
#include "train/data/token_cache.h"
#include "train/data/token_cache_format.h"

namespace mathcoder::train {
namespace {

// Fields with their lengths, so that no two lists of fields give one text.
class Fields {
 public:
  void Add(std::string_view field) { text_ += std::to_string(field.size()) + ":" += field; }
  template <typename T>
  requires std::is_arithmetic_v<T>
  void Add(T number) {
    char bytes[sizeof number];
    std::memcpy(bytes, &number, sizeof number);
    Add(std::string_view(bytes, sizeof bytes));
  }
  std::string Hash() const { return base::Sha256(text_); }

 private:
  std::string text_;
};

void AddSegments(const std::vector<chat::Segment>& segments, Fields* fields) {
  for (const chat::Segment& segment : segments) {
    fields->Add(segment.text);
    fields->Add(static_cast<int>(segment.role) * 2 + (segment.special ? 1 : 0));
  }
}

// What the dialect writes, whatever file it came from.
void AddDialect(const chat::Dialect& dialect, Fields* fields) {
  fields->Add(dialect.name());
  for (const std::string& text : dialect.special_strings()) fields->Add(text);
  chat::Problem problem;
  problem.question = "question";
  AddSegments(dialect.RenderPrompt(problem), fields);
  for (const char* system : {"", "system"}) {
    problem.system = system;
    AddSegments(dialect.RenderPrompt(problem), fields);
  }
  for (const chat::BlockKind kind : {chat::BlockKind::kText, chat::BlockKind::kCode, chat::BlockKind::kExecution}) {
    AddSegments(dialect.RenderBlock({kind, "block"}), fields);
    AddSegments(dialect.RenderBlock({kind, ""}), fields);
  }
  AddSegments(dialect.RenderMessageEnd(), fields);
}

void AddOptions(const CacheOptions& options, Fields* fields) {
  for (const float weight : options.example.mask.role_weight) fields->Add(weight);
  const chat::ObservationPolicy& policy = options.example.observation;
  fields->Add(policy.decimals);
  fields->Add(policy.empty);
  fields->Add(policy.strip_ansi);
  fields->Add(policy.trim);
  fields->Add(policy.last_line_of_traceback);
  fields->Add(policy.max_bytes);
  fields->Add(policy.head_share);
  fields->Add(policy.elision);
  fields->Add(static_cast<int>(options.example.recorded));
  fields->Add(options.length);
  fields->Add(static_cast<int>(options.over_long));
}

}  // namespace

std::string VocabularyHash(const chat::Tokenizer& tokenizer) {
  Fields fields;
  fields.Add(tokenizer.size());
  fields.Add(tokenizer.Bos().value_or(-1));
  for (std::size_t i = 0; i < tokenizer.size(); ++i) {
    const auto id = static_cast<chat::TokenId>(i);
    const std::string piece = tokenizer.Piece(id);
    fields.Add(piece);
    fields.Add((tokenizer.Special(piece) == id ? 1 : 0) + (tokenizer.IsEndOfGeneration(id) ? 2 : 0));
  }
  // Two vocabularies of the same tokens may still cut text differently (other merges).
  for (const chat::TokenId id :
       tokenizer.Encode("Let  x = 3.14159, then \\boxed{x^2 + 12345}.\n\n```python\n    print(f'{x:>8}')\n```\n"
                        "Die Lösung: π ≈ 22/7; 数学 ✓")) {
    fields.Add(id);
  }
  return fields.Hash();
}

std::string CacheKey(const std::vector<DataFile>& files, const chat::Dialect& dialect, const chat::Tokenizer& tokenizer,
                     const CacheOptions& options) {
  Fields fields;
  fields.Add(kCacheVersion);
  for (const DataFile& file : files) {  // the name as well: messages and Where() show it
    fields.Add(file.path.string());
    fields.Add(base::Sha256OfFile(file.path));
  }
  AddDialect(dialect, &fields);
  fields.Add(VocabularyHash(tokenizer));
  AddOptions(options, &fields);
  return fields.Hash();
}

}  // namespace mathcoder::train

#include "weights/train_tokenizer.h"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <optional>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/jsonl.h"
#include "base/paths.h"
#include "base/utf8.h"
#include "chat/dialect.h"
#include "weights/tokenizer.h"

extern char** environ;

namespace mathcoder::weights {
namespace {

namespace fs = std::filesystem;
using base::BadInput;
using base::Json;

constexpr char kPad[] = "<|pad|>";
constexpr char kEnd[] = "<|endoftext|>";
constexpr std::size_t kSample = 2000;  // texts on which both libraries must agree

// Goes away with what is in it, unless it is kept under another name.
struct Staging {
  explicit Staging(const fs::path& out) : path(out.string() + ".part." + std::to_string(::getpid())) {
    std::error_code error;
    if (fs::exists(out, error)) throw base::OutputFailure(out.string() + ": exists already; name a new folder");
    fs::remove_all(path, error);
    if (!fs::create_directories(path, error))
      throw base::OutputFailure(out.string() + ": cannot be created (" + error.message() + ")");
  }
  ~Staging() {
    std::error_code error;
    fs::remove_all(path, error);
  }
  const fs::path path;
};

// Strings of a message's content: one, or a list of blocks.
void Collect(const Json& value, std::vector<std::string>& texts) {
  if (value.is_string()) {
    texts.push_back(value.get<std::string>());
  } else if (value.is_array()) {
    for (const Json& item : value) Collect(item, texts);
  } else if (value.is_object()) {
    for (const char* key : {"content", "text"}) {
      if (value.contains(key)) {
        Collect(value[key], texts);
        break;
      }
    }
  }
}

class CorpusWriter {
 public:
  CorpusWriter(const fs::path& path, TrainTokenizerReport& report) : out_(path, std::ios::binary), report_(report) {}
  void Add(const std::string& text) {
    if (text.empty()) return;
    out_ << base::Dump(Json(text)) << '\n';
    ++report_.texts;
    report_.bytes += text.size();
  }
  void Finish(const fs::path& shown) {
    out_.flush();
    if (!out_) throw base::OutputFailure(shown.string() + ": cannot be written (is the disk full?)");
  }

 private:
  std::ofstream out_;
  TrainTokenizerReport& report_;
};

void ReadRecords(const fs::path& file, const std::vector<std::string>& fields, CorpusWriter& out) {
  base::JsonLines lines(file);
  while (auto record = lines.Next()) {
    if (!*record) throw BadInput(record->error());
    std::vector<std::string> texts;
    for (const std::string& field : fields) {
      if ((*record)->contains(field)) Collect((**record)[field], texts);
    }
    if (texts.empty()) {
      std::string names;
      for (const std::string& field : fields) names += (names.empty() ? "" : ", ") + field;
      throw BadInput(lines.Where() + ": has no text in " + names + "; name the field with --field");
    }
    for (const std::string& text : texts) out.Add(text);
  }
}

// Paragraphs: pieces that end in an empty line, so that what is learnt includes line ends.
void ReadText(const fs::path& file, CorpusWriter& out) {
  const std::string content = base::ReadFile(file);
  if (const std::size_t at = base::FirstInvalidUtf8(content); at != std::string::npos) {
    throw BadInput(file.string() + ": byte " + std::to_string(at) + " is no UTF-8");
  }
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t gap = content.find("\n\n", at);
    const std::size_t end = gap == std::string::npos ? content.size() : gap + 2;
    out.Add(content.substr(at, end - at));
    at = end;
  }
}

fs::path FindPython() {
  if (const char* set = std::getenv("MATHCODER_TOKENIZERS_PYTHON")) return set;
  if (const auto python = base::FindLibrarySet("tokenizers")) return *python;
  if (const auto python = base::FindData("build/deps/python-test/bin/python3")) return *python;
  throw base::Unavailable(
      "the Python library `tokenizers` is needed to learn a vocabulary; scripts/make-tokenizer-python installs it");
}

void Run(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  pid_t pid = 0;
  const int failed = ::posix_spawn(&pid, arguments[0], nullptr, nullptr, arguments.data(), environ);
  if (failed != 0) throw base::Unavailable(command[0] + ": cannot be started (" + std::strerror(failed) + ")");
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM)) {
    throw base::Error("interrupted; nothing was written", base::ExitCode::kInterrupted);
  }
  if (status != 0) throw base::Error("learning the vocabulary failed; the message of " + command[0] + " is above");
}

std::string MessageEnd(const chat::Dialect& dialect) {
  for (const chat::Segment& segment : dialect.RenderMessageEnd()) {
    if (segment.special) return segment.text;
  }
  return kEnd;
}

void WriteSettings(const fs::path& folder, const std::vector<std::string>& specials, const std::string& end, std::uint64_t length) {
  Json decoder = Json::object();
  for (std::size_t i = 0; i < specials.size(); ++i) {
    decoder[std::to_string(i)] = {{"content", specials[i]}, {"lstrip", false},      {"normalized", false},
                                  {"rstrip", false},        {"single_word", false}, {"special", true}};
  }
  const Json settings = {{"tokenizer_class", "PreTrainedTokenizerFast"},
                         {"model_max_length", length},
                         {"bos_token", nullptr},
                         {"eos_token", end},
                         {"pad_token", kPad},
                         {"add_bos_token", false},
                         {"clean_up_tokenization_spaces", false},
                         {"added_tokens_decoder", decoder}};
  base::WriteFileAtomically(folder / "tokenizer_config.json", settings.dump(2) + "\n");
}

}  // namespace

TrainTokenizerReport TrainTokenizer(const TrainTokenizerOptions& options) {
  TrainTokenizerReport report;
  const auto dialect = chat::LoadDialect(options.dialect);
  std::vector<std::string> specials = {kPad, kEnd};
  for (const std::string& text : dialect->special_strings()) specials.push_back(text);
  if (options.vocab_size < specials.size() + 256 + 1) {
    throw BadInput("a vocabulary of " + std::to_string(options.vocab_size) +
                   " tokens is too small: " + std::to_string(specials.size()) + " special tokens and 256 bytes are reserved");
  }
  const fs::path python = FindPython();
  const auto script = base::FindData("scripts/train_tokenizer.py");
  if (!script) throw base::Unavailable("scripts/train_tokenizer.py is missing from this installation");

  const Staging staging(options.out);
  CorpusWriter corpus(staging.path / "corpus.jsonl", report);
  const std::vector<std::string> known = {"messages",  "question", "problem",    "prompt", "answer",
                                          "rationale", "solution", "completion", "text"};
  for (const fs::path& file : options.corpus) {
    const std::string ending = file.extension().string();
    if (ending == ".jsonl" || ending == ".json") {
      ReadRecords(file, options.fields.empty() ? known : options.fields, corpus);
    } else {
      ReadText(file, corpus);
    }
  }
  corpus.Finish(options.out);
  if (report.texts == 0) throw BadInput("the corpus holds no text");

  const fs::path folder = staging.path / "tokenizer";
  fs::create_directories(folder);
  const Json settings = {
      {"vocab_size", options.vocab_size}, {"specials", specials}, {"sample", kSample}, {"progress", !options.quiet}};
  base::WriteFileAtomically(staging.path / "settings.json", base::Dump(settings));
  Run({python.string(), "-I", script->string(), staging.path.string()});
  WriteSettings(folder, specials, MessageEnd(*dialect), options.model_max_length);

  // Learning and inference must see the same tokens: the sample's ids come from both libraries.
  const auto tokenizer = OpenTokenizer(ReadHfVocabulary(folder));
  report.vocabulary = tokenizer->size();
  dialect->CheckVocabulary(*tokenizer);
  base::JsonLines sample(staging.path / "sample.jsonl");
  while (auto record = sample.Next()) {
    if (!*record) throw base::Error(record->error());
    const auto text = (**record)["text"].get<std::string>();
    const auto ids = (**record)["ids"].get<std::vector<TokenId>>();
    if (tokenizer->Encode(text) != ids) {
      throw base::Error("the learnt vocabulary is cut differently by `tokenizers` and by llama.cpp, first at text " +
                        std::to_string(report.checked_texts + 1) + " of the sample: " + base::Dump(Json(text.substr(0, 80))));
    }
    ++report.checked_texts;
    report.checked_tokens += ids.size();
    report.checked_bytes += text.size();
  }
  std::error_code error;
  fs::rename(folder, options.out, error);
  if (error) throw base::OutputFailure(options.out.string() + ": cannot be written (" + error.message() + ")");
  return report;
}

}  // namespace mathcoder::weights

// A Dialect says how blocks are written for one family of models. It is data (YAML), not code: built-in ones are in
// src/chat/dialects/*.yaml, compiled in; a user's own comes from --dialect FILE. The format: docs/dialects.md.
// Immutable after construction, so thread-safe.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/tokenizer.h"
#include "chat/transcript.h"

namespace mathcoder::chat {

// A run of text with one role. `special`: the text must be one control token; else it is plain text in which nothing
// is a control token.
struct Segment {
  std::string text;
  TokenRole role = TokenRole::kTemplate;
  bool special = false;
};

struct TokenTrace {
  std::vector<TokenId> ids;
  std::vector<TokenRole> roles;  // as long as ids
};

// When a generation has to stop and hand over to the loop: on one of the tokens, as soon as the text ends with one of the
// strings, or where a fence closes. The engine keeps what made it stop (token or string) and drops what was generated beyond
// it. chat/stop_matcher.h is the one implementation of the text rules; every engine uses it.
struct StopRule {
  // Text that counts only at the start of a line, as fences of Markdown do.
  struct Fence {
    std::string open;   // "```python": a line of it and nothing more but blanks opens the fence; nothing stops there
    std::string close;  // "```": in an open fence, such a line stops, after its newline. Empty: `open` itself stops, as soon as
                        // a line begins with it, inside a fence as well ("```output")
    bool operator==(const Fence&) const = default;
  };
  std::vector<TokenId> tokens;
  std::vector<std::string> strings;
  std::vector<Fence> fences;
  // A generation begins at the start of a line, outside any fence. One that continues unfinished text (after a token limit) says
  // here what the model wrote since the last stop; it is read for lines and fences and makes nothing stop.
  std::string context;
};

// What the model file says of itself, for the choice of a dialect.
struct ModelHints {
  std::string dialect;        // metadata key "mathcoder.dialect"; empty where absent
  std::string architecture;   // "llama", "qwen2"
  std::string name;           // general.name
  std::string chat_template;  // Jinja source; empty where absent
};

class BlockReader;

class Dialect {
 public:
  virtual ~Dialect() = default;

  virtual const std::string& name() const = 0;
  virtual const std::string& default_system() const = 0;
  // Control tokens that the vocabulary must have ("<|code|>", ...): specials of a text engine, and the check of a model.
  virtual std::vector<std::string> special_strings() const = 0;

  // The prompt up to where the model starts to write. What frames it is kTemplate, the two messages kSystem and kUser.
  virtual std::vector<Segment> RenderPrompt(const Problem& problem) const = 0;
  // What is appended after a code block has run: the execution block with its markers, all of role kExecution. In a dialect of
  // fences it begins at the start of a line, where the stop of Stops() has left the text.
  // `observation` is already shaped by the observation policy.
  virtual std::vector<Segment> RenderObservation(std::string_view observation) const = 0;
  // One block as the model writes it, for recordings and for training data. Where text has no marks, neighbouring text blocks
  // become one, and a text block ends with a newline that is no part of it (a fence begins a line).
  virtual std::vector<Segment> RenderBlock(const Block& block) const = 0;
  // What ends the assistant's message ("<|endofmessage|>").
  virtual std::vector<Segment> RenderMessageEnd() const = 0;

  // Tokens of segments, with their roles. `begin_of_text`: put the tokenizer's BOS first (role kTemplate).
  // Throws base::BadInput naming the missing control token and the dialect.
  TokenTrace Encode(const Tokenizer& tokenizer, const std::vector<Segment>& segments, bool begin_of_text) const;

  // Throws base::BadInput (all missing tokens named) when the vocabulary cannot write this dialect.
  virtual void CheckVocabulary(const Tokenizer& tokenizer) const = 0;
  virtual StopRule Stops(const Tokenizer& tokenizer) const = 0;

  // Reads one assistant message as it is generated. The reader borrows the tokenizer and the dialect.
  virtual std::unique_ptr<BlockReader> NewReader(const Tokenizer& tokenizer) const = 0;
};

// Incremental: feed what was generated, collect blocks. One message a reader; not thread-safe.
class BlockReader {
 public:
  struct Chunk {  // for streaming: new text of the block that is being written; never a marker or half a character
    BlockKind kind;
    std::string text;
    bool starts_block;  // the first chunk of its block
  };
  virtual ~BlockReader() = default;

  // One generated token. Returns what can be shown now (often nothing, while a possible marker is held back) and appends the
  // token's role to the trace: a marker has the role of the block that it opens or closes, a token that straddles two blocks
  // has the role of its first byte's. Roles of tokens that are held back are settled by FinishGeneration at the latest.
  virtual std::vector<Chunk> Feed(TokenId id) = 0;
  // Text that the engine kept from a token it had to cut at a stop string (GenerateResult::residual).
  virtual std::vector<Chunk> FeedText(std::string_view text) = 0;
  // The generation stopped. Flushes what was held back. A block that a token limit cut stays the last of blocks(); tokens that
  // are fed after that continue it.
  virtual std::vector<Chunk> FinishGeneration() = 0;
  // The loop appended an execution block itself: the next tokens start a new block.
  virtual void NoteObservation(std::string_view observation) = 0;

  // After FinishGeneration:
  // The last block is code, whole, and waits for its output. Both this and message_ended: the code was the model's last word; it is
  // run, and the message is over.
  virtual bool wants_execution() const = 0;
  virtual bool message_ended() const = 0;  // by the dialect's marker, the model's end token, or a new turn that the model began
  // True where the model itself began an execution block (it imagines an output); the loop ends that problem's generation there.
  virtual bool forged_execution() const = 0;

  virtual const std::vector<Block>& blocks() const = 0;               // executions noted included
  virtual const std::vector<TokenRole>& generated_roles() const = 0;  // one a token that was fed since the last NoteObservation

  // StopRule::context for a generation that continues a cut block; empty where the next one starts afresh.
  virtual std::string stop_context() const { return ""; }
};

// Names of the built-in dialects: mathcoder, tora, qwen-math, chatml, llama3.
std::vector<std::string> BuiltInDialects();
// A built-in name, or the path of a YAML file. Throws base::BadInput (unknown name with the nearest; file:line: what is wrong).
std::shared_ptr<const Dialect> LoadDialect(std::string_view name_or_path);
// By metadata, then by special tokens, then by chat template; nullptr where nothing fits.
std::shared_ptr<const Dialect> DetectDialect(const ModelHints& hints, const Tokenizer& tokenizer);

}  // namespace mathcoder::chat

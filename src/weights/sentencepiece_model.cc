#include "weights/sentencepiece_model.h"

#include <cstring>
#include <functional>

#include "base/error.h"
#include "base/file.h"

namespace mathcoder::weights {
namespace {

using base::BadInput;

// One field of a message: `number` holds what a varint or four bytes say, `bytes` what has a length.
struct Field {
  std::uint64_t id = 0;
  std::uint64_t number = 0;
  std::string_view bytes;
};

// Calls `take` with each field; false where `message` is no message.
bool EachField(std::string_view message, const std::function<void(const Field&)>& take) {
  const auto varint = [&](std::uint64_t& value) {
    value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (message.empty()) return false;
      const auto byte = static_cast<unsigned char>(message.front());
      message.remove_prefix(1);
      value |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if (byte < 0x80) return true;
    }
    return false;
  };
  while (!message.empty()) {
    Field field;
    std::uint64_t tag = 0;
    if (!varint(tag)) return false;
    field.id = tag >> 3;
    std::uint64_t length = 0;
    switch (tag & 7) {
      case 0:
        if (!varint(field.number)) return false;
        break;
      case 1:
        length = 8;
        break;
      case 2:
        if (!varint(length)) return false;
        break;
      case 5:
        length = 4;
        break;
      default:
        return false;
    }
    if (length > message.size()) return false;
    field.bytes = message.substr(0, length);
    message.remove_prefix(length);
    if ((tag & 7) == 5) {
      std::uint32_t word = 0;
      std::memcpy(&word, field.bytes.data(), 4);
      field.number = word;
    }
    take(field);
  }
  return true;
}

}  // namespace

SentencePieceModel ReadSentencePieceModel(const std::filesystem::path& path) {
  const std::string content = base::ReadFile(path);
  SentencePieceModel out;
  std::uint64_t kind = 1;  // unigram is the default
  std::string normaliser;
  bool charsmap = false;
  bool removes_spaces = true;
  bool whole = true;
  const auto id = [](std::uint64_t value) { return static_cast<TokenId>(static_cast<std::int64_t>(value)); };
  whole &= EachField(content, [&](const Field& field) {
    if (field.id == 1) {  // pieces
      VocabularyToken token;
      whole &= EachField(field.bytes, [&](const Field& f) {
        if (f.id == 1) token.text = f.bytes;
        if (f.id == 2) std::memcpy(&token.score, f.bytes.data(), std::min<std::size_t>(4, f.bytes.size()));
        if (f.id == 3 && f.number >= 1 && f.number <= 6) token.type = static_cast<TokenType>(f.number);
      });
      out.tokens.push_back(std::move(token));
    } else if (field.id == 2) {  // trainer_spec
      whole &= EachField(field.bytes, [&](const Field& f) {
        if (f.id == 3) kind = f.number;
        if (f.id == 40) out.unk = id(f.number);
        if (f.id == 41) out.bos = id(f.number);
        if (f.id == 42) out.eos = id(f.number);
        if (f.id == 43) out.pad = id(f.number);
      });
    } else if (field.id == 3) {  // normalizer_spec
      whole &= EachField(field.bytes, [&](const Field& f) {
        if (f.id == 1) normaliser = f.bytes;
        if (f.id == 2) charsmap = !f.bytes.empty();
        if (f.id == 3) out.add_space_prefix = f.number != 0;
        if (f.id == 4) removes_spaces = f.number != 0;
      });
    }
  });
  const std::string where = path.string();
  if (!whole || out.tokens.empty()) throw BadInput(where + ": is no SentencePiece model; the file is damaged or something else");
  if (kind != 2) {
    const char* names[] = {"unknown", "unigram", "BPE", "word", "char"};
    throw BadInput(where + ": is a SentencePiece model of the kind " + names[kind < 5 ? kind : 0] +
                   ", which llama.cpp would cut differently; BPE is supported");
  }
  if (charsmap || removes_spaces) {
    throw BadInput(where + ": changes text before it is cut (" +
                   (charsmap ? "normaliser " + normaliser : "extra whitespace is removed") +
                   "), which llama.cpp does not do; the normaliser 'identity' without remove_extra_whitespaces is supported");
  }
  return out;
}

}  // namespace mathcoder::weights

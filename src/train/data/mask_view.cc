#include "train/data/mask_view.h"

#include <unistd.h>

#include <array>
#include <cstdlib>
#include <string_view>

#include "base/utf8.h"

namespace mathcoder::train {
namespace {

using chat::TokenRole;

constexpr char kReset[] = "\033[0m";
constexpr char kReverse[] = "\033[7m";
constexpr std::array<TokenRole, kRoles> kAllRoles = {TokenRole::kTemplate, TokenRole::kSystem, TokenRole::kUser,
                                                     TokenRole::kText,     TokenRole::kCode,   TokenRole::kExecution};

std::string Colour(TokenRole role, bool learned) {
  // template grey, system magenta, user blue, text green, code cyan, execution yellow
  static constexpr std::array<const char*, kRoles> kColours = {"37", "35", "34", "32", "36", "33"};
  return std::string("\033[") + (learned ? "1;" : "2;") + kColours[static_cast<std::size_t>(role)] + "m";
}

// What may reach a terminal: newline, tab and everything that is no control character (C0, DEL, C1).
std::string Printable(std::string_view text) {
  const std::string valid = base::ReplaceInvalidUtf8(text);
  std::string printable;
  for (std::size_t i = 0; i < valid.size(); ++i) {
    const auto byte = static_cast<unsigned char>(valid[i]);
    const bool c1 = byte == 0xC2 && i + 1 < valid.size() && static_cast<unsigned char>(valid[i + 1]) < 0xA0;
    if ((byte >= 0x20 && byte != 0x7F && !c1) || byte == '\n' || byte == '\t') {
      printable += valid[i];
      continue;
    }
    constexpr char kHex[] = "0123456789abcdef";
    const auto code = c1 ? static_cast<unsigned char>(valid[++i]) : byte;
    printable += std::string("\\x") + kHex[code >> 4] + kHex[code & 15];
  }
  return printable;
}

std::string Number(float value) {
  char text[32];
  std::snprintf(text, sizeof text, "%g", static_cast<double>(value));
  return text;
}

std::string Tokens(std::size_t n) { return std::to_string(n) + (n == 1 ? " token" : " tokens"); }

bool IsControl(const chat::Tokenizer& tokenizer, chat::TokenId id) { return tokenizer.Special(tokenizer.Piece(id)) == id; }

// Tokens of one role and weight, one after the other.
struct Run {
  std::size_t begin = 0, end = 0;
  TokenRole role = TokenRole::kTemplate;
  float weight = 0;
};

std::vector<Run> RunsOf(const Example& example) {
  std::vector<Run> runs;
  for (std::size_t i = 0; i < example.ids.size(); ++i) {
    if (runs.empty() || runs.back().role != example.roles[i] || runs.back().weight != example.weights[i]) {
      runs.push_back({i, i, example.roles[i], example.weights[i]});
    }
    ++runs.back().end;
  }
  return runs;
}

std::string Legend(const Example& example, bool colours) {
  std::string line =
      example.source + ": " + Tokens(example.ids.size()) + ", " + std::to_string(example.LossTokens()) + " learned\n";
  for (const TokenRole role : kAllRoles) {
    std::size_t all = 0;
    std::size_t learned = 0;
    for (std::size_t i = 0; i < example.ids.size(); ++i) {
      if (example.roles[i] != role) continue;
      ++all;
      learned += example.weights[i] > 0 ? 1 : 0;
    }
    if (all == 0) continue;
    const std::string name(Name(role));
    line += "  " + (colours ? Colour(role, learned > 0) + name + kReset : name) + std::string(12 - name.size(), ' ') + Tokens(all) +
            (learned == all ? ", learned"
             : learned == 0 ? ", not learned"
                            : ", " + std::to_string(learned) + " learned") +
            "\n";
  }
  return line;
}

// Each line of the text behind the mark.
std::string Marked(const std::string& text, const std::string& mark) {
  std::string lines;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    lines += mark + text.substr(begin, end - begin) + "\n";
    begin = end + 1;
  }
  return lines;
}

}  // namespace

std::string ShowMask(const Example& example, const chat::Tokenizer& tokenizer, bool colours) {
  std::string shown = Legend(example, colours);
  for (const Run& run : RunsOf(example)) {
    const bool learned = run.weight > 0;
    if (!colours) {
      std::string text;
      for (std::size_t i = run.begin; i < run.end; ++i) text += tokenizer.Piece(example.ids[i]);
      const std::string mark = learned ? "+" : "-";
      shown += mark + " " + std::string(Name(run.role)) + ", " + Tokens(run.end - run.begin) +
               (learned ? ", weight " + Number(run.weight) : "") + "\n" + Marked(Printable(text), mark + " | ");
      continue;
    }
    const std::string colour = Colour(run.role, learned);
    for (std::size_t i = run.begin; i < run.end;) {
      const bool control = IsControl(tokenizer, example.ids[i]);
      std::string text;
      // Plain tokens together: one of them may end inside a character.
      for (; i < run.end && IsControl(tokenizer, example.ids[i]) == control; ++i) text += tokenizer.Piece(example.ids[i]);
      shown += colour + (control ? kReverse : "") + Printable(text) + kReset;
    }
  }
  if (colours) shown += "\n";
  return shown;
}

bool UseColours(MaskColours choice, std::FILE* out) {
  if (choice != MaskColours::kAuto) return choice == MaskColours::kAlways;
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  return ::isatty(::fileno(out)) != 0 && (no_color == nullptr || *no_color == '\0') &&
         (term == nullptr || std::string_view(term) != "dumb");
}

void PrintMask(const Example& example, const chat::Tokenizer& tokenizer, MaskColours colours, std::FILE* out) {
  const std::string shown = ShowMask(example, tokenizer, UseColours(colours, out));
  std::fwrite(shown.data(), 1, shown.size(), out);
  std::fflush(out);
}

}  // namespace mathcoder::train

#include "grade/cue_words.h"

#include <array>

namespace mathcoder::grade {
namespace {

constexpr CueKind kWeak = CueKind::kWeak;
constexpr CueKind kLine = CueKind::kLineStart;

constexpr auto kCues = std::to_array<Cue>({
    {"####"},
    {"<answer>"},
    {"[answer]"},
    {"answer is"},
    {"answers are"},
    {"answer is:"},
    {"answer:"},
    {"answers:"},
    {"answer**:"},
    {"answer:**"},
    {"answer**"},
    {"answer ="},
    {"answer would be"},
    {"answer should be"},
    {"answer must be"},
    {"answer comes out to be"},
    {"answer to the problem is"},
    {"answer to this problem is"},
    {"answer to this question is"},
    {"answer to the question is"},
    {"answer is therefore"},
    {"final answer\n"},
    {"correct option is"},
    {"correct choice is"},
    {"correct option:"},
    {"correct choice:"},
    {"ans:", kLine},
    {"ans.", kLine},
    {"ans =", kLine},
    {"result is", kWeak},
    {"result:", kWeak},
    {"result =", kWeak},
    {"solution is", kWeak},
    {"solutions are", kWeak},
    {"solution:", kWeak},
    // German
    {"antwort ist"},
    {"ist die antwort"},
    {"ist das ergebnis", kWeak},
    {"ist die l\u00f6sung", kWeak},
    {"antwort lautet"},
    {"antwort:"},
    {"l\u00f6sung ist", kWeak},
    {"l\u00f6sung lautet", kWeak},
    {"l\u00f6sung:", kWeak},
    {"ergebnis ist", kWeak},
    {"ergebnis lautet", kWeak},
    {"ergebnis:", kWeak},
    // French
    {"r\u00e9ponse est"},
    {"r\u00e9ponse finale est"},
    {"r\u00e9ponse :"},
    {"r\u00e9ponse:"},
    {"r\u00e9ponse finale :"},
    {"r\u00e9sultat est", kWeak},
    {"solution est", kWeak},
    // Spanish, Italian, Portuguese, Catalan, Romanian
    {"respuesta es"},
    {"respuesta final es"},
    {"respuesta:"},
    {"respuesta final:"},
    {"resultado es", kWeak},
    {"soluci\u00f3n es", kWeak},
    {"risposta \u00e8"},
    {"risposta finale \u00e8"},
    {"risposta:"},
    {"risposta finale:"},
    {"risultato \u00e8", kWeak},
    {"soluzione \u00e8", kWeak},
    {"resposta \u00e9"},
    {"resposta final \u00e9"},
    {"resposta:"},
    {"resposta final:"},
    {"resultado \u00e9", kWeak},
    {"solu\u00e7\u00e3o \u00e9", kWeak},
    {"resposta \u00e9s"},
    {"r\u0103spunsul este"},
    {"r\u0103spuns:"},
    // Dutch, Swedish, Danish, Norwegian, Finnish
    {"antwoord is"},
    {"antwoord:"},
    {"svaret \u00e4r"},
    {"svaret er"},
    {"svar:", kLine},
    {"vastaus on"},
    {"vastaus:"},
    // Russian, Ukrainian, Polish, Czech
    {"\u043e\u0442\u0432\u0435\u0442:"},
    {"\u041e\u0442\u0432\u0435\u0442:"},
    {"\u041e\u0422\u0412\u0415\u0422:"},
    {"\u043e\u0442\u0432\u0435\u0442 \u2014"},
    {"\u041e\u0442\u0432\u0435\u0442 \u2014"},
    {"\u0432\u0456\u0434\u043f\u043e\u0432\u0456\u0434\u044c:"},
    {"\u0412\u0456\u0434\u043f\u043e\u0432\u0456\u0434\u044c:"},
    {"odpowied\u017a to"},
    {"odpowied\u017a:"},
    {"odpov\u011b\u010f je"},
    {"odpov\u011b\u010f:"},
    // Turkish, Vietnamese, Indonesian
    {"cevap:"},
    {"\u0111\u00e1p \u00e1n l\u00e0"},
    {"\u0111\u00e1p \u00e1n:"},
    {"\u0110\u00e1p \u00e1n:"},
    {"\u0111\u00e1p s\u1ed1:"},
    {"\u0110\u00e1p s\u1ed1:"},
    {"jawaban:"},
    {"jawabannya adalah"},
    // Chinese: da'an shi, wei; gu xuan; da
    {"\u7b54\u6848\u662f"},
    {"\u7b54\u6848\u4e3a"},
    {"\u7b54\u6848\u70ba"},
    {"\u7b54\u6848\uff1a"},
    {"\u7b54\u6848:"},
    {"\u7b54\u6848\u5e94\u4e3a"},
    {"\u6545\u9009\uff1a"},
    {"\u6545\u9009:"},
    {"\u6545\u9009"},
    {"\u6545\u9078"},
    {"\u6545\u9078\uff1a"},
    {"\u7b54\uff1a"},
    {"\u7b54:"},
    {"\u7ed3\u679c\u662f", kWeak},
    {"\u7ed3\u679c\u4e3a", kWeak},
    // Japanese: kotae wa, kotae
    {"\u7b54\u3048\u306f"},
    {"\u7b54\u3048\uff1a"},
    {"\u7b54\u3048:"},
    {"\u89e3\u7b54\uff1a"},
    {"\u6b63\u89e3\u306f"},
    // Korean: jeongdap, dap
    {"\uc815\ub2f5\uc740"},
    {"\uc815\ub2f5:"},
    {"\uc815\ub2f5\uff1a"},
    {"\ub2f5\uc740"},
    {"\ub2f5:"},
    // Arabic, Hindi
    {"\u0627\u0644\u0625\u062c\u0627\u0628\u0629 \u0647\u064a"},
    {"\u0627\u0644\u0625\u062c\u0627\u0628\u0629:"},
    {"\u0627\u0644\u062c\u0648\u0627\u0628 \u0647\u0648"},
    {"\u0627\u0644\u062c\u0648\u0627\u0628:"},
    {"\u0909\u0924\u094d\u0924\u0930:"},
});

constexpr auto kFillers =
    std::to_array<std::string_view>({"equal to ", "therefore ", "thus ", "then ", "indeed ", "exactly ", "simply ", "also ",
                                     "given by ", "approximately ", "about ", "roughly ", "around ", "just ", "now "});

constexpr auto kTurns = std::to_array<std::string_view>(
    {" because",  " since ", " so ",    " which ",     " as ",      " where ",   " thus",   " hence",        " therefore",
     " when ",    " by ",    " given ", " after ",     " whenever", ", so",      ", which", ", because",     ", since",
     ", as ",     ", where", ", thus",  ", hence",     " -- ",      " \u2014 ",  " but ",   " for the ",     " for each",
     " in total", " in all", " left",   " altogether", ", not ",    " and not ", " (not ",  " rather than ", " instead of "});

constexpr auto kVerbs = std::to_array<std::string_view>({" is ", " are ", " was ", " were ", " equals ", " is equal to ",
                                                         " is: ", " to be ", " is given by ", " must be ", " has ", " have "});

constexpr auto kStepVerbs = std::to_array<std::string_view>({" get ", " gets ", " obtain ", " find ", " gives ", " yields ",
                                                             " that ", " hence ", " so ", " thus ", " therefore ", " conclude "});

constexpr auto kEndings = std::to_array<std::string_view>(
    {"\u3002", "\uff0e", "\u3067\u3059", "\u3067\u3042\u308b", "\u3060", "\uc785\ub2c8\ub2e4", "\uc774\ub2e4", "\u0964"});

constexpr auto kPraises = std::to_array<std::string_view>(
    {" is correct", " is the correct answer", " is the answer", " is the final answer", " is the correct option",
     " is the correct choice", " is our answer", " is the right answer", " is right"});

constexpr auto kRefusals =
    std::to_array<std::string_view>({"cannot solve", "can't solve", "can not solve", "unable to", "not able to", "cannot determine",
                                     "can't determine", "cannot answer", "can't answer", "don't know", "do not know", "cannot find",
                                     "can't find", "could not find", "not sure", "not enough information"});

constexpr auto kJsonKeys = std::to_array<std::string_view>(
    {"answer", "final_answer", "final answer", "finalanswer", "final-answer", "result", "solution"});

}  // namespace

std::span<const Cue> Cues() { return kCues; }
std::span<const std::string_view> Fillers() { return kFillers; }
std::span<const std::string_view> Turns() { return kTurns; }
std::span<const std::string_view> Verbs() { return kVerbs; }
std::span<const std::string_view> StepVerbs() { return kStepVerbs; }
std::span<const std::string_view> Endings() { return kEndings; }
std::span<const std::string_view> Praises() { return kPraises; }
std::span<const std::string_view> Refusals() { return kRefusals; }
std::span<const std::string_view> JsonKeys() { return kJsonKeys; }

}  // namespace mathcoder::grade

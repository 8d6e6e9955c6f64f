#include "grade/published_lexer.h"

#include <array>

namespace mathcoder::grade {
namespace {

using Kind = PublishedToken::Kind;

struct Literal {
  std::string_view text;
  Kind kind;
};

bool IsDigit(char byte) { return byte >= '0' && byte <= '9'; }
bool IsLetter(char byte) { return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z'); }

// The longest literal that stands at the front wins; \pix is \pi and x.
constexpr auto kLiterals = std::to_array<Literal>({
    {"+", Kind::kPlus},
    {"-", Kind::kMinus},
    {"*", Kind::kTimes},
    {"\\times", Kind::kTimes},
    {"\\cdot", Kind::kTimes},
    {"/", Kind::kOver},
    {":", Kind::kOver},
    {"\\div", Kind::kOver},
    {"\\over", Kind::kOver},
    {"\\mod", Kind::kModulo},
    {"(", Kind::kOpen},
    {"[", Kind::kOpen},
    {"{", Kind::kOpen},
    {"\\{", Kind::kOpen},
    {"\\lbrace", Kind::kOpen},
    {"\\lbrack", Kind::kOpen},
    {"\\lgroup", Kind::kOpen},
    {"\\lfloor", Kind::kOpen},
    {"\\llcorner", Kind::kOpen},
    {")", Kind::kClose},
    {"]", Kind::kClose},
    {"}", Kind::kClose},
    {"\\}", Kind::kClose},
    {"\\rbrace", Kind::kClose},
    {"\\rbrack", Kind::kClose},
    {"\\rgroup", Kind::kClose},
    {"\\rfloor", Kind::kClose},
    {"\\lrcorner", Kind::kClose},
    {"^", Kind::kCaret},
    {"_", Kind::kUnderscore},
    {"!", Kind::kBang},
    {"'", Kind::kPrime},
    {"^{\\top}", Kind::kPrime},
    {",", Kind::kComma},
    {";", Kind::kSemicolon},
    {"\\sqrt", Kind::kSqrt},
    {"\\frac", Kind::kFrac},
    {"\\binom", Kind::kBinom},
    {"\\tbinom", Kind::kBinom},
    {"\\dbinom", Kind::kBinom},
    {"\\choose", Kind::kChoose},
    {"\\pi", Kind::kPi},
    {"e", Kind::kE},
    {"\\exponentialE", Kind::kE},
    {"\\infty", Kind::kInfinity},
    {"<", Kind::kRelation},
    {">", Kind::kRelation},
    {"\\le", Kind::kRelation},
    {"\\leq", Kind::kRelation},
    {"\\leqslant", Kind::kRelation},
    {"\\ge", Kind::kRelation},
    {"\\geq", Kind::kRelation},
    {"\\geqslant", Kind::kRelation},
    {"=", Kind::kUnusable},
    {"==", Kind::kUnusable},
    {"\\equiv", Kind::kUnusable},
    {"!=", Kind::kUnusable},
    {"!==", Kind::kUnusable},
    {"\\ne", Kind::kUnusable},
    {"\\neq", Kind::kUnusable},
    {"\\not\\equiv", Kind::kUnusable},
    {"\\in", Kind::kUnusable},
    {"|", Kind::kUnusable},
    {"\\|", Kind::kUnusable},
    {"\\lvert", Kind::kUnusable},
    {"\\vert", Kind::kUnusable},
    {"\\lceil", Kind::kUnusable},
    {"\\ulcorner", Kind::kUnusable},
    {"\\lim", Kind::kUnusable},
    {"\\int", Kind::kUnusable},
    {"\\sum", Kind::kUnusable},
    {"\\prod", Kind::kUnusable},
    {"\\gcd", Kind::kUnusable},
    {"\\lcm", Kind::kUnusable},
    {"\\max", Kind::kUnusable},
    {"\\min", Kind::kUnusable},
    {"\\det", Kind::kUnusable},
    {"\\ceil", Kind::kUnusable},
    {"\\operatorname", Kind::kUnusable},
    {"\\begin{matrix}", Kind::kUnusable},
    {"\\begin{pmatrix}", Kind::kUnusable},
    {"\\begin{bmatrix}", Kind::kUnusable},
    {"\\begin{vmatrix}", Kind::kUnusable},
    {"\\left", Kind::kUnusable},
    {"\\mleft", Kind::kUnusable},
    {"\\variable", Kind::kUnknown},
    {"\\partial", Kind::kUnusable},
    {"\\emptyset", Kind::kUnusable},
    {"\\log", Kind::kFunction},
    {"\\ln", Kind::kFunction},
    {"\\exp", Kind::kFunction},
    {"\\sin", Kind::kFunction},
    {"\\cos", Kind::kFunction},
    {"\\tan", Kind::kFunction},
    {"\\csc", Kind::kFunction},
    {"\\sec", Kind::kFunction},
    {"\\cot", Kind::kFunction},
    {"\\arcsin", Kind::kFunction},
    {"\\arccos", Kind::kFunction},
    {"\\arctan", Kind::kFunction},
    {"\\arccsc", Kind::kFunction},
    {"\\arcsec", Kind::kFunction},
    {"\\arccot", Kind::kFunction},
    {"\\sinh", Kind::kFunction},
    {"\\cosh", Kind::kFunction},
    {"\\tanh", Kind::kFunction},
    {"\\arsinh", Kind::kFunction},
    {"\\arcosh", Kind::kFunction},
    {"\\artanh", Kind::kFunction},
    {"\\arcsinh", Kind::kFunction},
    {"\\arccosh", Kind::kFunction},
    {"\\arctanh", Kind::kFunction},
    {"\\floor", Kind::kFunction},
    // Words that only mean something inside \operatorname or \begin: "24trees" ends before the "tr".
    {"arsinh", Kind::kStop},
    {"arcsinh", Kind::kStop},
    {"arcosh", Kind::kStop},
    {"arccosh", Kind::kStop},
    {"artanh", Kind::kStop},
    {"arctanh", Kind::kStop},
    {"gcd", Kind::kStop},
    {"lcm", Kind::kStop},
    {"floor", Kind::kStop},
    {"ceil", Kind::kStop},
    {"eye", Kind::kStop},
    {"zeros", Kind::kStop},
    {"ones", Kind::kStop},
    {"cols", Kind::kStop},
    {"rows", Kind::kStop},
    {"diag", Kind::kStop},
    {"norm", Kind::kStop},
    {"rank", Kind::kStop},
    {"trace", Kind::kStop},
    {"tr", Kind::kStop},
    {"rref", Kind::kStop},
    {"hstack", Kind::kStop},
    {"vstack", Kind::kStop},
    {"orth", Kind::kStop},
    {"ortho", Kind::kStop},
    {"orthogonal", Kind::kStop},
    {"orthogonalize", Kind::kStop},
    {"nullspace", Kind::kStop},
    {"eig", Kind::kStop},
    {"eigen", Kind::kStop},
    {"diagonalize", Kind::kStop},
    {"eigenvals", Kind::kStop},
    {"eigenvalues", Kind::kStop},
    {"eigenvects", Kind::kStop},
    {"eigenvectors", Kind::kStop},
    {"svd", Kind::kStop},
    {"matrix", Kind::kStop},
    {"pmatrix", Kind::kStop},
    {"bmatrix", Kind::kStop},
    {"vmatrix", Kind::kStop},
    {"&", Kind::kStop},
    {".", Kind::kStop},
    {"\\\\", Kind::kStop},
    {"\\right", Kind::kStop},
    {"\\mright", Kind::kStop},
    {"\\rvert", Kind::kStop},
    {"\\rceil", Kind::kStop},
    {"\\urcorner", Kind::kStop},
    {"\\to", Kind::kStop},
    {"\\rightarrow", Kind::kStop},
    {"\\Rightarrow", Kind::kStop},
    {"\\longrightarrow", Kind::kStop},
    {"\\Longrightarrow", Kind::kStop},
    {"\\xrightarrow", Kind::kStop},
    {"\\xRightarrow", Kind::kStop},
    {"<->", Kind::kStop},
    {"<=>", Kind::kStop},
    {"\\leftrightarrow", Kind::kStop},
    {"\\Leftrightarrow", Kind::kStop},
    {"\\end{matrix}", Kind::kStop},
    {"\\end{pmatrix}", Kind::kStop},
    {"\\end{bmatrix}", Kind::kStop},
    {"\\end{vmatrix}", Kind::kStop},
    {"\\mathellipsis", Kind::kVariable},
    {"\\mathsterling", Kind::kVariable},
});

// Commands that stand for a variable or accent one.
constexpr auto kVariables = std::to_array<std::string_view>({
    "\\alpha",
    "\\beta",
    "\\gamma",
    "\\delta",
    "\\epsilon",
    "\\varepsilon",
    "\\zeta",
    "\\eta",
    "\\theta",
    "\\vartheta",
    "\\iota",
    "\\kappa",
    "\\lambda",
    "\\mu",
    "\\nu",
    "\\xi",
    "\\omicron",
    "\\varpi",
    "\\rho",
    "\\varrho",
    "\\sigma",
    "\\varsigma",
    "\\tau",
    "\\upsilon",
    "\\phi",
    "\\varphi",
    "\\chi",
    "\\psi",
    "\\omega",
    "\\Gamma",
    "\\Delta",
    "\\Theta",
    "\\Lambda",
    "\\Xi",
    "\\Pi",
    "\\Sigma",
    "\\Upsilon",
    "\\Phi",
    "\\Psi",
    "\\Omega",
    "\\Bbbk",
    "\\wp",
    "\\nabla",
    "\\bigstar",
    "\\angle",
    "\\nexists",
    "\\diagdown",
    "\\measuredangle",
    "\\eth",
    "\\diagup",
    "\\sphericalangle",
    "\\clubsuit",
    "\\varnothing",
    "\\Diamond",
    "\\complement",
    "\\diamondsuit",
    "\\imath",
    "\\Finv",
    "\\triangledown",
    "\\heartsuit",
    "\\jmath",
    "\\Game",
    "\\triangle",
    "\\spadesuit",
    "\\ell",
    "\\hbar",
    "\\vartriangle",
    "\\hslash",
    "\\blacklozenge",
    "\\lozenge",
    "\\blacksquare",
    "\\mho",
    "\\blacktriangle",
    "\\sharp",
    "\\prime",
    "\\Im",
    "\\flat",
    "\\square",
    "\\backprime",
    "\\Re",
    "\\natural",
    "\\surd",
    "\\circledS",
    "\\acute",
    "\\bar",
    "\\overline",
    "\\breve",
    "\\check",
    "\\widecheck",
    "\\dot",
    "\\ddot",
    "\\grave",
    "\\hat",
    "\\tilde",
    "\\widetilde",
    "\\vec",
    "\\overrightarrow",
    "\\bm",
    "\\boldsymbol",
    "\\text",
    "\\textit",
    "\\mathbb",
    "\\mathbin",
    "\\mathbf",
    "\\mathcal",
    "\\mathclap",
    "\\mathclose",
    "\\mathfrak",
    "\\mathinner",
    "\\mathit",
    "\\mathnormal",
    "\\mathop",
    "\\mathopen",
    "\\mathord",
    "\\mathpunct",
    "\\mathrel",
    "\\mathring",
    "\\mathrlap",
    "\\mathrm",
    "\\mathscr",
    "\\mathsf",
    "\\mathtt",
});

// 1,234.5 and .5: groups of three belong to the number, whatever stands before the first comma.
std::size_t NumberLength(std::string_view text) {
  const auto digits = [&](std::size_t at) {
    while (at < text.size() && IsDigit(text[at])) ++at;
    return at;
  };
  const auto group = [&](std::size_t at) {
    return at + 3 < text.size() && text[at] == ',' && IsDigit(text[at + 1]) && IsDigit(text[at + 2]) && IsDigit(text[at + 3]);
  };
  const std::size_t first = digits(0);
  std::size_t end = first;
  std::size_t decimal = 0;  // the length with a fraction, once one was seen
  for (;;) {
    if (end + 1 < text.size() && text[end] == '.' && IsDigit(text[end + 1])) decimal = digits(end + 1);
    if (!group(end)) break;
    end += 4;
  }
  if (decimal > end) return decimal;
  return first > 0 ? end : decimal;
}

}  // namespace

PublishedToken NextPublishedToken(std::string_view text, std::size_t& at) {
  while (at < text.size() && (text[at] == ' ' || text[at] == '\t' || text[at] == '\r' || text[at] == '\n')) ++at;
  if (at >= text.size()) return {};
  const std::string_view rest = text.substr(at);
  PublishedToken token{Kind::kUnknown, rest.substr(0, 1)};
  const auto take = [&](Kind kind, std::size_t size) {
    if (size > token.text.size() || (size == token.text.size() && token.kind == Kind::kUnknown))
      token = {kind, rest.substr(0, size)};
  };
  if (const std::size_t size = NumberLength(rest); size > 0) take(Kind::kNumber, size);
  for (const Literal& literal : kLiterals) {
    if (literal.text[0] == rest[0] && rest.starts_with(literal.text)) take(literal.kind, literal.text.size());
  }
  if (rest[0] == '\\') {
    for (const std::string_view name : kVariables) {
      if (rest.starts_with(name)) take(Kind::kVariable, name.size());
    }
  } else if (IsLetter(rest[0])) {
    take(Kind::kVariable, 1);
    if (rest[0] == 'd' && rest.size() > 1 && IsLetter(rest[1])) take(Kind::kVariable, 2);
  }
  at += token.text.size();
  return token;
}

}  // namespace mathcoder::grade

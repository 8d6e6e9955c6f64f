#include "math/commands.h"

#include <algorithm>
#include <iterator>

namespace mathcoder::math {
namespace {

constexpr Spelling kCommands[] = {
    {"Delta", Tok::kName, "Delta"}, {"Gamma", Tok::kName, "Gamma"}, {"Lambda", Tok::kName, "Lambda"},
    {"Leftrightarrow", Tok::kLogic, "iff"}, {"Longleftrightarrow", Tok::kLogic, "iff"},
    {"Longrightarrow", Tok::kLogic, "implies"}, {"N", Tok::kName, "Naturals"}, {"Omega", Tok::kName, "Omega"}, {"Phi", Tok::kName, "Phi"},
    {"Pi", Tok::kName, "Pi"}, {"Psi", Tok::kName, "Psi"}, {"Q", Tok::kName, "Rationals"}, {"R", Tok::kName, "Reals"}, {"Rightarrow", Tok::kLogic, "implies"},
    {"Sigma", Tok::kName, "Sigma"}, {"Theta", Tok::kName, "Theta"}, {"Upsilon", Tok::kName, "Upsilon"},
    {"Vert", Tok::kBar, "", 2}, {"Xi", Tok::kName, "Xi"}, {"Z", Tok::kName, "Integers"}, {"aleph", Tok::kName, "aleph"}, {"alpha", Tok::kName, "alpha"},
    {"angle", Tok::kFigure, "angle"}, {"approx", Tok::kRelation, "~"}, {"approxeq", Tok::kRelation, "~"},
    {"ast", Tok::kTimes, "*"}, {"backslash", Tok::kSetOperator, "setminus"}, {"bar", Tok::kAccent, "bar"},
    {"beta", Tok::kName, "beta"}, {"bigcap", Tok::kBig, "intersection"}, {"bigcup", Tok::kBig, "union"},
    {"bigtriangleup", Tok::kFigure, "triangle"}, {"binom", Tok::kFraction, "binom"}, {"bmod", Tok::kMod},
    {"bullet", Tok::kTimes, "*"}, {"cap", Tok::kSetOperator, "intersection"}, {"cdot", Tok::kTimes, "*"},
    {"cdotp", Tok::kTimes, "*"}, {"cdots", Tok::kEllipsis}, {"cfrac", Tok::kFraction}, {"chi", Tok::kName, "chi"},
    {"choose", Tok::kChoose}, {"circ", Tok::kCompose}, {"colon", Tok::kColon}, {"complement", Tok::kName, "complement"},
    {"cong", Tok::kRelation, "congruent"}, {"cr", Tok::kRowBreak}, {"cup", Tok::kSetOperator, "union"}, {"dbinom", Tok::kFraction, "binom"},
    {"ddot", Tok::kAccent, "ddot"}, {"ddots", Tok::kEllipsis}, {"degree", Tok::kDegree}, {"delta", Tok::kName, "delta"},
    {"dfrac", Tok::kFraction}, {"div", Tok::kSlash, "/"}, {"dot", Tok::kAccent, "dot"}, {"doteq", Tok::kRelation, "~"},
    {"dots", Tok::kEllipsis}, {"dotsb", Tok::kEllipsis}, {"dotsc", Tok::kEllipsis}, {"ell", Tok::kName, "ell"},
    {"emptyset", Tok::kName, "EmptySet"}, {"epsilon", Tok::kName, "epsilon"}, {"equiv", Tok::kRelation, "equiv"},
    {"eta", Tok::kName, "eta"}, {"euro", Tok::kMoney, "€"}, {"exists", Tok::kWord, "for all"},
    {"exponentialE", Tok::kConstant, "e"}, {"forall", Tok::kWord, "for all"}, {"frac", Tok::kFraction},
    {"gamma", Tok::kName, "gamma"}, {"ge", Tok::kRelation, ">="}, {"geq", Tok::kRelation, ">="}, {"geqq", Tok::kRelation, ">="},
    {"geqslant", Tok::kRelation, ">="}, {"gt", Tok::kRelation, ">"}, {"hat", Tok::kAccent, "hat"}, {"hbar", Tok::kName, "hbar"},
    {"iff", Tok::kLogic, "iff"}, {"iiint", Tok::kBig, "integral", 3}, {"iint", Tok::kBig, "integral", 2},
    {"imaginaryI", Tok::kConstant, "i"}, {"imath", Tok::kConstant, "i"}, {"implies", Tok::kLogic, "implies"},
    {"in", Tok::kRelation, "in"}, {"infin", Tok::kConstant, "infinity"}, {"infty", Tok::kConstant, "infinity"},
    {"int", Tok::kBig, "integral", 1}, {"iota", Tok::kName, "iota"}, {"isin", Tok::kRelation, "in"},
    {"kappa", Tok::kName, "kappa"}, {"lVert", Tok::kOpen, "norm"}, {"lambda", Tok::kName, "lambda"},
    {"land", Tok::kLogic, "and"}, {"langle", Tok::kOpen, "<"}, {"lbrace", Tok::kOpen, "{"}, {"lbrack", Tok::kOpen, "["},
    {"lceil", Tok::kOpen, "ceil"}, {"ldots", Tok::kEllipsis}, {"le", Tok::kRelation, "<="},
    {"leftrightarrow", Tok::kLogic, "iff"}, {"leq", Tok::kRelation, "<="}, {"leqq", Tok::kRelation, "<="},
    {"leqslant", Tok::kRelation, "<="}, {"lfloor", Tok::kOpen, "floor"}, {"lgroup", Tok::kOpen, "("}, {"lim", Tok::kLimit},
    {"llcorner", Tok::kOpen, "floor"}, {"lnot", Tok::kNot}, {"longrightarrow", Tok::kRelation, "maps"},
    {"lor", Tok::kLogic, "or"}, {"lparen", Tok::kOpen, "("}, {"lrcorner", Tok::kClose, "floor"}, {"lt", Tok::kRelation, "<"},
    {"lvert", Tok::kOpen, "|"}, {"mapsto", Tok::kRelation, "maps"}, {"mathe", Tok::kConstant, "e"},
    {"measuredangle", Tok::kFigure, "angle"}, {"mid", Tok::kSuchThat}, {"mod", Tok::kMod}, {"mp", Tok::kMinusPlus},
    {"mu", Tok::kName, "mu"}, {"nabla", Tok::kName, "nabla"}, {"ne", Tok::kRelation, "!="}, {"neg", Tok::kNot},
    {"neq", Tok::kRelation, "!="}, {"ni", Tok::kRelation, "ni"}, {"nicefrac", Tok::kFraction}, {"notin", Tok::kRelation, "notin"},
    {"nsubset", Tok::kRelation, "notsubset"}, {"nsubseteq", Tok::kRelation, "notsubseteq"}, {"nu", Tok::kName, "nu"},
    {"oint", Tok::kBig, "integral", 1}, {"omega", Tok::kName, "omega"}, {"omicron", Tok::kName, "omicron"},
    {"over", Tok::kChoose, "over"}, {"overarc", Tok::kAccent, "arc"}, {"overline", Tok::kAccent, "bar"}, {"overrightarrow", Tok::kAccent, "vec"},
    {"parallel", Tok::kRelation, "parallel"}, {"partial", Tok::kPartial}, {"percent", Tok::kPercent},
    {"perp", Tok::kRelation, "perpendicular"}, {"phi", Tok::kName, "phi"}, {"pi", Tok::kConstant, "pi"}, {"pm", Tok::kPlusMinus},
    {"pmod", Tok::kPmod}, {"pounds", Tok::kMoney, "£"}, {"prime", Tok::kPrime}, {"prod", Tok::kBig, "product"},
    {"propto", Tok::kRelation, "proportional"}, {"psi", Tok::kName, "psi"}, {"rVert", Tok::kClose, "norm"},
    {"rangle", Tok::kClose, "<"}, {"rbrace", Tok::kClose, "{"}, {"rbrack", Tok::kClose, "["}, {"rceil", Tok::kClose, "ceil"},
    {"rfloor", Tok::kClose, "floor"}, {"rgroup", Tok::kClose, "("}, {"rho", Tok::kName, "rho"},
    {"rightarrow", Tok::kRelation, "maps"}, {"rparen", Tok::kClose, "("}, {"rvert", Tok::kClose, "|"},
    {"setminus", Tok::kSetOperator, "setminus"}, {"sfrac", Tok::kFraction}, {"sigma", Tok::kName, "sigma"}, {"sim", Tok::kRelation, "similar"},
    {"simeq", Tok::kRelation, "~"}, {"smallsetminus", Tok::kSetOperator, "setminus"}, {"sqrt", Tok::kRoot},
    {"square", Tok::kName, "square"}, {"star", Tok::kTimes, "*"}, {"subset", Tok::kRelation, "subset"},
    {"subseteq", Tok::kRelation, "subseteq"}, {"subsetneq", Tok::kRelation, "subset"}, {"sum", Tok::kBig, "sum"},
    {"supset", Tok::kRelation, "supset"}, {"supseteq", Tok::kRelation, "supseteq"}, {"supsetneq", Tok::kRelation, "supset"},
    {"surd", Tok::kRoot}, {"tau", Tok::kName, "tau"}, {"tbinom", Tok::kFraction, "binom"}, {"textdegree", Tok::kDegree},
    {"tfrac", Tok::kFraction}, {"therefore", Tok::kLogic, "implies"}, {"theta", Tok::kName, "theta"},
    {"tilde", Tok::kAccent, "tilde"}, {"times", Tok::kTimes, "*"}, {"to", Tok::kRelation, "maps"}, {"top", Tok::kName, "T"},
    {"triangle", Tok::kFigure, "triangle"}, {"ulcorner", Tok::kOpen, "ceil"}, {"underline", Tok::kAccent, "under"},
    {"upsilon", Tok::kName, "upsilon"}, {"urcorner", Tok::kClose, "ceil"}, {"varepsilon", Tok::kName, "varepsilon"},
    {"varnothing", Tok::kName, "EmptySet"}, {"varphi", Tok::kName, "varphi"}, {"varrho", Tok::kName, "varrho"},
    {"varsigma", Tok::kName, "varsigma"}, {"vartheta", Tok::kName, "vartheta"}, {"vdots", Tok::kEllipsis},
    {"vec", Tok::kAccent, "vec"}, {"vee", Tok::kLogic, "or"}, {"vert", Tok::kBar}, {"wedge", Tok::kLogic, "and"},
    {"widehat", Tok::kAccent, "hat"}, {"widetilde", Tok::kAccent, "tilde"}, {"xi", Tok::kName, "xi"},
    {"zeta", Tok::kName, "zeta"},
};

// Signs beyond ASCII, by their bytes.
constexpr Spelling kSigns[] = {
    {"¢", Tok::kMoney, "¢"}, {"£", Tok::kMoney, "£"}, {"¥", Tok::kMoney, "¥"}, {"¬", Tok::kNot}, {"°", Tok::kDegree},
    {"±", Tok::kPlusMinus}, {"²", Tok::kSuperscript, "2"}, {"³", Tok::kSuperscript, "3"}, {"µ", Tok::kName, "mu"},
    {"·", Tok::kTimes, "*"}, {"¹", Tok::kSuperscript, "1"}, {"º", Tok::kDegree}, {"¼", Tok::kVulgar, "1/4"},
    {"½", Tok::kVulgar, "1/2"}, {"¾", Tok::kVulgar, "3/4"}, {"×", Tok::kTimes, "*"}, {"÷", Tok::kSlash, "/"},
    {"˚", Tok::kDegree}, {"Γ", Tok::kName, "Gamma"}, {"Δ", Tok::kName, "Delta"}, {"Θ", Tok::kName, "Theta"},
    {"Λ", Tok::kName, "Lambda"}, {"Ξ", Tok::kName, "Xi"}, {"Σ", Tok::kName, "Sigma"}, {"Φ", Tok::kName, "Phi"},
    {"Ψ", Tok::kName, "Psi"}, {"Ω", Tok::kName, "Omega"}, {"α", Tok::kName, "alpha"}, {"β", Tok::kName, "beta"},
    {"γ", Tok::kName, "gamma"}, {"δ", Tok::kName, "delta"}, {"ε", Tok::kName, "epsilon"}, {"ζ", Tok::kName, "zeta"},
    {"η", Tok::kName, "eta"}, {"θ", Tok::kName, "theta"}, {"ι", Tok::kName, "iota"}, {"κ", Tok::kName, "kappa"},
    {"λ", Tok::kName, "lambda"}, {"μ", Tok::kName, "mu"}, {"ν", Tok::kName, "nu"}, {"ξ", Tok::kName, "xi"},
    {"π", Tok::kConstant, "pi"}, {"ρ", Tok::kName, "rho"}, {"ς", Tok::kName, "varsigma"}, {"σ", Tok::kName, "sigma"},
    {"τ", Tok::kName, "tau"}, {"υ", Tok::kName, "upsilon"}, {"φ", Tok::kName, "phi"}, {"χ", Tok::kName, "chi"},
    {"ψ", Tok::kName, "psi"}, {"ω", Tok::kName, "omega"}, {"ϑ", Tok::kName, "vartheta"}, {"ϕ", Tok::kName, "phi"},
    {"ϵ", Tok::kName, "epsilon"}, {"–", Tok::kMinus}, {"—", Tok::kMinus}, {"‖", Tok::kBar, "", 2}, {"’", Tok::kPrime, "", 1},
    {"…", Tok::kEllipsis}, {"′", Tok::kPrime, "", 1}, {"″", Tok::kPrime, "", 2}, {"⁄", Tok::kSlash, "/"},
    {"⁰", Tok::kSuperscript, "0"}, {"⁴", Tok::kSuperscript, "4"}, {"⁵", Tok::kSuperscript, "5"}, {"⁶", Tok::kSuperscript, "6"},
    {"⁷", Tok::kSuperscript, "7"}, {"⁸", Tok::kSuperscript, "8"}, {"⁹", Tok::kSuperscript, "9"}, {"⁺", Tok::kSuperscript, "+"},
    {"⁻", Tok::kSuperscript, "-"}, {"ⁿ", Tok::kSuperscript, "n"}, {"₀", Tok::kUnderscore, "0"}, {"₁", Tok::kUnderscore, "1"},
    {"₂", Tok::kUnderscore, "2"}, {"₃", Tok::kUnderscore, "3"}, {"₄", Tok::kUnderscore, "4"}, {"₅", Tok::kUnderscore, "5"},
    {"₆", Tok::kUnderscore, "6"}, {"₇", Tok::kUnderscore, "7"}, {"₈", Tok::kUnderscore, "8"}, {"₉", Tok::kUnderscore, "9"},
    {"€", Tok::kMoney, "€"}, {"₹", Tok::kMoney, "₹"}, {"ℂ", Tok::kName, "Complexes"}, {"ℓ", Tok::kName, "ell"},
    {"ℕ", Tok::kName, "Naturals"}, {"ℚ", Tok::kName, "Rationals"}, {"ℝ", Tok::kName, "Reals"}, {"ℤ", Tok::kName, "Integers"},
    {"⅐", Tok::kVulgar, "1/7"}, {"⅑", Tok::kVulgar, "1/9"}, {"⅒", Tok::kVulgar, "1/10"}, {"⅓", Tok::kVulgar, "1/3"},
    {"⅔", Tok::kVulgar, "2/3"}, {"⅕", Tok::kVulgar, "1/5"}, {"⅖", Tok::kVulgar, "2/5"}, {"⅗", Tok::kVulgar, "3/5"},
    {"⅘", Tok::kVulgar, "4/5"}, {"⅙", Tok::kVulgar, "1/6"}, {"⅚", Tok::kVulgar, "5/6"}, {"⅛", Tok::kVulgar, "1/8"},
    {"⅜", Tok::kVulgar, "3/8"}, {"⅝", Tok::kVulgar, "5/8"}, {"⅞", Tok::kVulgar, "7/8"}, {"→", Tok::kRelation, "maps"},
    {"↦", Tok::kRelation, "maps"}, {"⇒", Tok::kLogic, "implies"}, {"⇔", Tok::kLogic, "iff"}, {"∀", Tok::kWord, "for all"}, {"∂", Tok::kPartial},
    {"∅", Tok::kName, "EmptySet"}, {"∈", Tok::kRelation, "in"}, {"∉", Tok::kRelation, "notin"}, {"∋", Tok::kRelation, "ni"},
    {"∏", Tok::kBig, "product"}, {"∑", Tok::kBig, "sum"}, {"−", Tok::kMinus}, {"∓", Tok::kMinusPlus}, {"∕", Tok::kSlash, "/"},
    {"∖", Tok::kSetOperator, "setminus"}, {"∗", Tok::kTimes, "*"}, {"∘", Tok::kCompose}, {"∙", Tok::kTimes, "*"},
    {"√", Tok::kRoot}, {"∛", Tok::kRoot, "", 3}, {"∜", Tok::kRoot, "", 4}, {"∝", Tok::kRelation, "proportional"},
    {"∞", Tok::kConstant, "infinity"}, {"∠", Tok::kFigure, "angle"}, {"∣", Tok::kSuchThat}, {"∥", Tok::kRelation, "parallel"},
    {"∧", Tok::kLogic, "and"}, {"∨", Tok::kLogic, "or"}, {"∩", Tok::kSetOperator, "intersection"},
    {"∪", Tok::kSetOperator, "union"}, {"∫", Tok::kBig, "integral", 1}, {"∬", Tok::kBig, "integral", 2},
    {"∼", Tok::kRelation, "similar"}, {"≅", Tok::kRelation, "congruent"}, {"≈", Tok::kRelation, "~"},
    {"≠", Tok::kRelation, "!="}, {"≡", Tok::kRelation, "equiv"}, {"≤", Tok::kRelation, "<="}, {"≥", Tok::kRelation, ">="},
    {"≦", Tok::kRelation, "<="}, {"≧", Tok::kRelation, ">="}, {"⊂", Tok::kRelation, "subset"}, {"⊃", Tok::kRelation, "supset"},
    {"⊄", Tok::kRelation, "notsubset"}, {"⊆", Tok::kRelation, "subseteq"}, {"⊇", Tok::kRelation, "supseteq"},
    {"⊈", Tok::kRelation, "notsubseteq"}, {"⊥", Tok::kRelation, "perpendicular"}, {"⋅", Tok::kTimes, "*"},
    {"⋆", Tok::kTimes, "*"}, {"⋯", Tok::kEllipsis}, {"⌈", Tok::kOpen, "ceil"}, {"⌉", Tok::kClose, "ceil"},
    {"⌊", Tok::kOpen, "floor"}, {"⌋", Tok::kClose, "floor"}, {"△", Tok::kFigure, "triangle"}, {"⟨", Tok::kOpen, "<"},
    {"⟩", Tok::kClose, "<"}, {"⟶", Tok::kRelation, "maps"}, {"⟹", Tok::kLogic, "implies"}, {"⟺", Tok::kLogic, "iff"},
    {"⩽", Tok::kRelation, "<="}, {"⩾", Tok::kRelation, ">="}, {"、", Tok::kComma}, {"〈", Tok::kOpen, "<"},
    {"〉", Tok::kClose, "<"}, {"【", Tok::kOpen, "["}, {"】", Tok::kClose, "["}, {"﹣", Tok::kMinus}, {"％", Tok::kPercent},
    {"（", Tok::kOpen, "("}, {"）", Tok::kClose, "("}, {"＋", Tok::kPlus}, {"，", Tok::kComma}, {"－", Tok::kMinus},
    {"：", Tok::kColon}, {"；", Tok::kSemicolon}, {"＝", Tok::kRelation, "="}, {"𝜋", Tok::kConstant, "pi"},
};

// Names without a backslash that are no commands.
constexpr Spelling kPlainNames[] = {
    {"And", Tok::kName, "And"}, {"Complement", Tok::kName, "Complement"}, {"Complexes", Tok::kName, "Complexes"},
    {"ConditionSet", Tok::kName, "ConditionSet"}, {"Contains", Tok::kName, "Contains"}, {"DNE", Tok::kConstant, "undefined"},
    {"Decimal", Tok::kName, "Decimal"}, {"EmptySet", Tok::kName, "EmptySet"}, {"Eq", Tok::kName, "Eq"},
    {"False", Tok::kName, "False"}, {"FiniteSet", Tok::kName, "FiniteSet"}, {"Fraction", Tok::kName, "Fraction"},
    {"Ge", Tok::kName, "Ge"}, {"Gt", Tok::kName, "Gt"}, {"ImageSet", Tok::kName, "ImageSet"},
    {"ImmutableMatrix", Tok::kName, "ImmutableMatrix"}, {"Implies", Tok::kName, "Implies"},
    {"Infinity", Tok::kConstant, "infinity"}, {"Integer", Tok::kName, "Integer"}, {"Integers", Tok::kName, "Integers"},
    {"Interval", Tok::kName, "Interval"}, {"Le", Tok::kName, "Le"}, {"Lt", Tok::kName, "Lt"}, {"Matrix", Tok::kName, "Matrix"},
    {"MutableDenseMatrix", Tok::kName, "MutableDenseMatrix"}, {"NaN", Tok::kConstant, "undefined"},
    {"Naturals", Tok::kName, "Naturals"}, {"Naturals0", Tok::kName, "Naturals0"}, {"Ne", Tok::kName, "Ne"},
    {"None", Tok::kName, "None"}, {"Not", Tok::kName, "Not"}, {"Or", Tok::kName, "Or"}, {"Piecewise", Tok::kName, "Piecewise"},
    {"Point", Tok::kName, "Point"}, {"Rational", Tok::kName, "Rational"}, {"Rationals", Tok::kName, "Rationals"},
    {"Reals", Tok::kName, "Reals"}, {"True", Tok::kName, "True"}, {"Tuple", Tok::kName, "Tuple"}, {"and", Tok::kWordAnd},
    {"angle", Tok::kFigure, "angle"}, {"array", Tok::kName, "array"}, {"bar", Tok::kAccent, "bar"},
    {"elementof", Tok::kRelation, "in"}, {"float", Tok::kName, "float"}, {"frozenset", Tok::kName, "frozenset"}, {"hat", Tok::kAccent, "hat"},
    {"inf", Tok::kConstant, "infinity"}, {"infinity", Tok::kConstant, "infinity"},
    {"intersect", Tok::kSetOperator, "intersection"}, {"lim", Tok::kLimit}, {"list", Tok::kName, "list"}, {"mod", Tok::kMod}, {"mpf", Tok::kName, "mpf"},
    {"nan", Tok::kConstant, "undefined"}, {"notelementof", Tok::kRelation, "notin"}, {"oo", Tok::kConstant, "infinity"},
    {"or", Tok::kWordOr}, {"percent", Tok::kPercent}, {"set", Tok::kName, "set"}, {"subset", Tok::kRelation, "subset"},
    {"tilde", Tok::kAccent, "tilde"}, {"tuple", Tok::kName, "tuple"}, {"undefined", Tok::kConstant, "undefined"},
    {"union", Tok::kSetOperator, "union"}, {"vec", Tok::kAccent, "vec"}, {"zoo", Tok::kConstant, "infinity"},
};

template <std::size_t N>
constexpr bool Sorted(const Spelling (&table)[N]) {
  return std::is_sorted(std::begin(table), std::end(table), [](const Spelling& a, const Spelling& b) { return a.name < b.name; });
}
static_assert(Sorted(kCommands) && Sorted(kSigns) && Sorted(kPlainNames));

template <std::size_t N>
const Spelling* Find(const Spelling (&table)[N], std::string_view name) {
  const auto* found =
      std::lower_bound(std::begin(table), std::end(table), name, [](const Spelling& s, std::string_view n) { return s.name < n; });
  return found != std::end(table) && found->name == name ? found : nullptr;
}

struct MarkupRow {
  std::string_view name;
  Markup markup;
};
constexpr MarkupRow kMarkup[] = {
    {"Big", Markup::kSpace}, {"Bigg", Markup::kSpace}, {"Biggl", Markup::kSpace}, {"Biggr", Markup::kSpace},
    {"Bigl", Markup::kSpace}, {"Bigm", Markup::kSpace}, {"Bigr", Markup::kSpace}, {"allowbreak", Markup::kSpace},
    {"beginboxed", Markup::kTransparent}, {"bf", Markup::kStyle}, {"big", Markup::kSpace}, {"bigg", Markup::kSpace},
    {"biggl", Markup::kSpace}, {"biggr", Markup::kSpace}, {"bigl", Markup::kSpace}, {"bigm", Markup::kSpace},
    {"bigr", Markup::kSpace}, {"bigskip", Markup::kSpace}, {"bm", Markup::kStyle}, {"boldsymbol", Markup::kStyle},
    {"boxed", Markup::kTransparent}, {"cancel", Markup::kTransparent}, {"color", Markup::kSkipArgument},
    {"displaystyle", Markup::kSpace}, {"emph", Markup::kText}, {"enspace", Markup::kSpace}, {"ensuremath", Markup::kTransparent},
    {"fbox", Markup::kTransparent}, {"framebox", Markup::kTransparent}, {"hbox", Markup::kText}, {"hfill", Markup::kSpace},
    {"hline", Markup::kSpace}, {"hphantom", Markup::kSkipArgument}, {"hskip", Markup::kSkipArgument},
    {"hspace", Markup::kSkipArgument}, {"it", Markup::kStyle}, {"kern", Markup::kSkipArgument}, {"label", Markup::kSkipArgument},
    {"large", Markup::kSpace}, {"left", Markup::kLeft}, {"limits", Markup::kSpace}, {"mathbb", Markup::kBlackboard},
    {"mathbf", Markup::kStyle}, {"mathbin", Markup::kTransparent}, {"mathcal", Markup::kStyle},
    {"mathclose", Markup::kTransparent}, {"mathfrak", Markup::kStyle}, {"mathit", Markup::kStyle},
    {"mathnormal", Markup::kStyle}, {"mathop", Markup::kStyle}, {"mathopen", Markup::kTransparent},
    {"mathord", Markup::kTransparent}, {"mathrel", Markup::kTransparent}, {"mathrm", Markup::kStyle},
    {"mathscr", Markup::kStyle}, {"mathsf", Markup::kStyle}, {"mathtt", Markup::kStyle}, {"mbox", Markup::kText},
    {"medskip", Markup::kSpace}, {"middle", Markup::kSpace}, {"mleft", Markup::kLeft}, {"mright", Markup::kRight},
    {"newline", Markup::kSpace}, {"noindent", Markup::kSpace}, {"nolimits", Markup::kSpace}, {"nonumber", Markup::kSpace},
    {"operatorname", Markup::kOperatorName}, {"overbrace", Markup::kTransparent}, {"phantom", Markup::kSkipArgument},
    {"qquad", Markup::kSpace}, {"quad", Markup::kSpace}, {"right", Markup::kRight}, {"rm", Markup::kStyle},
    {"scriptstyle", Markup::kSpace}, {"small", Markup::kSpace}, {"smallskip", Markup::kSpace}, {"symbf", Markup::kStyle},
    {"symrm", Markup::kStyle}, {"tag", Markup::kSkipArgument}, {"text", Markup::kText}, {"textbf", Markup::kText},
    {"textcolor", Markup::kSkipArgument}, {"textit", Markup::kText}, {"textnormal", Markup::kText}, {"textrm", Markup::kText},
    {"textsf", Markup::kText}, {"textstyle", Markup::kSpace}, {"texttt", Markup::kText}, {"textup", Markup::kStyle},
    {"thinspace", Markup::kSpace}, {"underbrace", Markup::kTransparent}, {"variable", Markup::kName},
    {"vphantom", Markup::kSkipArgument}, {"vspace", Markup::kSkipArgument},
};
static_assert(std::is_sorted(std::begin(kMarkup), std::end(kMarkup), [](const MarkupRow& a, const MarkupRow& b) { return a.name < b.name; }));

}  // namespace

const Spelling* FindCommand(std::string_view name) { return Find(kCommands, name); }

const Spelling* FindCommandPrefix(std::string_view letters) {
  for (std::size_t length = std::min<std::size_t>(letters.size(), 20); length >= 2; --length) {
    if (const Spelling* found = FindCommand(letters.substr(0, length))) return found;
  }
  return nullptr;
}

const Spelling* FindSign(std::string_view text) {
  for (std::size_t length = 4; length >= 2; --length) {
    if (text.size() < length) continue;
    if (const Spelling* found = Find(kSigns, text.substr(0, length))) return found;
  }
  return nullptr;
}

const Spelling* FindPlainName(std::string_view name) {
  if (const Spelling* found = Find(kPlainNames, name)) return found;
  const Spelling* command = FindCommand(name);
  // Greek letters and constants are written without a backslash too; operators are not.
  if (command != nullptr && (command->type == Tok::kName || command->type == Tok::kConstant) && command->text == name) return command;
  return nullptr;
}

Markup MarkupOf(std::string_view name) {
  const auto* found =
      std::lower_bound(std::begin(kMarkup), std::end(kMarkup), name, [](const MarkupRow& m, std::string_view n) { return m.name < n; });
  return found != std::end(kMarkup) && found->name == name ? found->markup : Markup::kNone;
}

}  // namespace mathcoder::math

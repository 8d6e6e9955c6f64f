#include "chat/agreement.h"

#include <gtest/gtest.h>

namespace mathcoder::chat {
namespace {

const std::string kDashes(75, '-');

std::string Recorded(const std::string& type, const std::string& frames, const std::string& message) {
  return kDashes + " " + type + "                Traceback (most recent call last) " + frames + "\n " + type + ": " + message;
}

TEST(ExceptionOf, IPythonAndPythonForms) {
  const struct {
    std::string output;
    const char* exception;
  } cases[] = {
      {Recorded("NameError", "Cell In[2], line 2\n----> 2 y = x", "name 'x' is not defined"), "NameError: name 'x' is not defined"},
      {Recorded("ValueError", "Cell In[1]", "\nCan't do\nthis."), "ValueError: \nCan't do\nthis."},
      {Recorded("PolificationFailed", "File x", "no") +
           " \nDuring handling of the above exception, another exception occurred:\n " +
           Recorded("ComputationFailed", "Cell In[4]", "div(68, 14) failed"),
       "ComputationFailed: div(68, 14) failed"},
      {"Cell In[6], line 2\n    x = 16.f()\n          ^\nSyntaxError: invalid syntax", "SyntaxError: invalid syntax"},
      {"before\nTraceback (most recent call last):\n  File \"<cell>\", line 1, in <module>\nsympy.core.X: bad: thing",
       "X: bad: thing"},
      {"Traceback (most recent call last):\n  File \"a\", line 1\nKeyboardInterrupt", "KeyboardInterrupt"},
      // A quoted docstring with a header of its own.
      {Recorded("SympifyError",
                "File sympify.py:528\n    520 >>> x + '1'\n    521     Traceback (most recent call last):\n    522     ...\n"
                "    523     TypeError: unsupported",
                "SympifyError: [2]"),
       "SympifyError: SympifyError: [2]"},
      {"42", ""},
      {"Error: not a traceback", ""},
      {"", ""},
  };
  for (const auto& test : cases) EXPECT_EQ(ExceptionOf(test.output), test.exception) << test.output;
}

TEST(Compare, Kinds) {
  const std::string timeout =
      std::string(27, '-') + " Timeout waiting for reply                                Traceback (most recent call last) ";
  const struct {
    std::string recorded;
    std::string observed;
    bool timed_out;
    Agreement want;
  } cases[] = {
      {"0.6631578947368421", "0.663157\n", false, Agreement::kSame},
      {"1", "2", false, Agreement::kDifferent},
      {"<empty_execution>", "", false, Agreement::kSame},
      {Recorded("NameError", "Cell In[2]\n\x1b[38;5;241m= x", "name 'x' is not defined"),
       Recorded("NameError", "other", "name 'x' is not defined"), false, Agreement::kSameException},
      {Recorded("NameError", "a", "name 'x' is not defined"), Recorded("NameError", "a", "name 'y' is not defined"), false,
       Agreement::kDifferent},
      {Recorded("NameError", "a", "name 'x' is not defined"), "5", false, Agreement::kDifferent},
      {Recorded("ImportError", "a", "cannot import name 'mod' from 'sympy' (/opt/x/sympy/__init__.py)"),
       Recorded("ImportError", "a", "cannot import name 'mod' from 'sympy' (/y/__init__.py)"), false, Agreement::kSameException},
      {"Cell In[6], line 2\n    x\n   ^\nSyntaxError: invalid syntax",
       "Cell In[6], line 2\n    x\n  ^\nSyntaxError: invalid decimal literal", false, Agreement::kSameException},
      {"Cell In[6], line 2\n    x\n   ^\nSyntaxError: invalid syntax",
       "Cell In[6], line 3\n    x\n  ^\nSyntaxError: invalid syntax", false, Agreement::kDifferent},
      {Recorded("RecursionError", "a", "maximum recursion depth exceeded in comparison"),
       Recorded("RecursionError", "b", "maximum recursion depth exceeded"), false, Agreement::kSameException},
      {Recorded("TypeError", "a", "__new__() takes 3 positional arguments but 4 were given"),
       Recorded("TypeError", "a", "Equality.__new__() takes 3 positional arguments but 4 were given"), false,
       Agreement::kSameException},
      {Recorded("TypeError", "a", "__new__() takes 3 positional arguments but 4 were given"),
       Recorded("TypeError", "a", "__new__() takes 2 positional arguments but 4 were given"), false, Agreement::kDifferent},
      {timeout, "TimeoutError", true, Agreement::kSameTimeout},
      {timeout, "5", false, Agreement::kDifferent},
  };
  for (const auto& test : cases) {
    EXPECT_EQ(Compare(LoadObservationPolicy("mathcoder"), test.recorded, test.observed, test.timed_out), test.want)
        << test.recorded << "\n"
        << test.observed;
  }
}

TEST(Compare, ALongTracebackKeepsItsException) {
  const auto policy = LoadObservationPolicy("mathcoder");
  const std::string recorded = Recorded("TypeError", std::string(9000, 'a'), "bad " + std::string(5000, 'm'));
  const std::string observed = Recorded("TypeError", std::string(9000, 'b'), "bad " + std::string(5000, 'm'));
  EXPECT_EQ(Compare(policy, recorded, observed, false), Agreement::kSameException);
}

}  // namespace
}  // namespace mathcoder::chat

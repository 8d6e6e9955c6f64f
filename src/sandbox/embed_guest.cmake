# cmake -DOUTPUT=guest_source.cc "-DSOURCES=a.py|b.py" -P embed_guest.cmake: the files, one after the other, as a string in C++.
set(bytes "")
string(REPLACE "|" ";" SOURCES "${SOURCES}")
foreach(source IN LISTS SOURCES)
  file(READ ${source} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," part "${hex}")
  string(APPEND bytes "${part}'\\n',\n")
endforeach()
file(WRITE ${OUTPUT}.part "#include \"sandbox/guest_source.h\"

namespace mathcoder::sandbox {
namespace {
constexpr char kSource[] = {
${bytes}};
}  // namespace

std::string_view GuestSource() { return {kSource, sizeof kSource}; }

}  // namespace mathcoder::sandbox
")
file(RENAME ${OUTPUT}.part ${OUTPUT})

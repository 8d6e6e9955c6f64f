# mathcoder_room(NAME chat SOURCES a.cc ... DEPS mathcoder_base ... [TESTS a_test.cc ...] [TEST_DEPS ...])
# One library a room, one test binary a room. Includes are written from src/: "chat/transcript.h".
add_library(mathcoder_options INTERFACE)
target_include_directories(mathcoder_options INTERFACE ${CMAKE_SOURCE_DIR}/src ${CMAKE_BINARY_DIR}/generated)
target_compile_options(mathcoder_options INTERFACE -Wall -Wextra -Wshadow $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor> -Wno-missing-field-initializers
  # GCC 12 sees overlaps that are not there in string concatenation (its bug 105651)
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>)
if(MATHCODER_WERROR)
  target_compile_options(mathcoder_options INTERFACE -Werror)
endif()
if(MATHCODER_SANITIZE)
  # With instrumentation GCC 12 sees uninitialised members inside <regex> and <functional> that are not.
  target_compile_options(mathcoder_options INTERFACE -fsanitize=${MATHCODER_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all
    -Wno-maybe-uninitialized)
  target_link_options(mathcoder_options INTERFACE -fsanitize=${MATHCODER_SANITIZE})
endif()
find_program(CCACHE ccache)
if(CCACHE)
  # Paths below the checkout do not count: a second clone finds what the first compiled.
  set(launcher ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=true ${CCACHE})
  set(CMAKE_CXX_COMPILER_LAUNCHER ${launcher})
  set(CMAKE_C_COMPILER_LAUNCHER ${launcher})
endif()

function(mathcoder_room)
  cmake_parse_arguments(ROOM "" "NAME" "SOURCES;DEPS;TESTS;TEST_DEPS" ${ARGN})
  add_library(mathcoder_${ROOM_NAME} STATIC ${ROOM_SOURCES})
  target_link_libraries(mathcoder_${ROOM_NAME} PUBLIC mathcoder_options ${ROOM_DEPS})
  if(MATHCODER_TESTS AND ROOM_TESTS)
    mathcoder_test(NAME ${ROOM_NAME}_test LABEL unit SOURCES ${ROOM_TESTS} DEPS mathcoder_${ROOM_NAME} ${ROOM_TEST_DEPS})
  endif()
endfunction()

# mathcoder_test(NAME x_test LABEL unit|slow|model|gpu|browser SOURCES ... DEPS ...): one GoogleTest binary, one ctest entry a test.
# A test that needs ../shared calls GTEST_SKIP with a reason where it is absent.
function(mathcoder_test)
  cmake_parse_arguments(TEST "" "NAME;LABEL;TIMEOUT" "SOURCES;DEPS" ${ARGN})
  if(NOT TEST_TIMEOUT)
    set(TEST_TIMEOUT 300)
  endif()
  add_executable(${TEST_NAME} ${TEST_SOURCES})
  target_link_libraries(${TEST_NAME} PRIVATE mathcoder_options ${TEST_DEPS} GTest::gtest GTest::gmock GTest::gtest_main)
  target_compile_definitions(${TEST_NAME} PRIVATE MATHCODER_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  if(NOT TARGET unit_tests)
    add_custom_target(unit_tests)  # what the sanitizer presets build
  endif()
  if(TEST_LABEL STREQUAL "unit")
    add_dependencies(unit_tests ${TEST_NAME})
  endif()
  include(GoogleTest)
  gtest_discover_tests(${TEST_NAME} DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS ${TEST_LABEL} TIMEOUT ${TEST_TIMEOUT})
endfunction()

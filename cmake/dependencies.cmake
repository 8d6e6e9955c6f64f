# Every dependency is found here and nowhere else; a room names the target it needs. Versions are those of Debian 12 and
# Ubuntu 24.04 (requirements/apt.txt); llama.cpp is pinned by hash (requirements/llama.txt).
find_package(Threads REQUIRED)
find_package(nlohmann_json 3.11 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)
find_package(CURL 7.81 REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp>=2.5)
pkg_check_modules(SQLITE REQUIRED IMPORTED_TARGET sqlite3>=3.37)
pkg_check_modules(PQ REQUIRED IMPORTED_TARGET libpq)

# Exact arithmetic: FLINT 3 holds everything; before it Arb, Antic and Calcium are libraries of their own.
find_path(FLINT_INCLUDE flint/flint.h REQUIRED)
find_library(FLINT_LIBRARY flint REQUIRED)
set(flint_libraries ${FLINT_LIBRARY})
if(NOT EXISTS ${FLINT_INCLUDE}/flint/ca.h)
  find_path(CALCIUM_INCLUDE calcium/ca.h REQUIRED)
  find_library(CALCIUM_LIBRARY calcium REQUIRED)
  find_library(ANTIC_LIBRARY antic REQUIRED)
  find_library(ARB_LIBRARY NAMES flint-arb arb REQUIRED)
  list(PREPEND flint_libraries ${CALCIUM_LIBRARY} ${ANTIC_LIBRARY} ${ARB_LIBRARY})
endif()
find_library(MPFR_LIBRARY mpfr REQUIRED)  # with GMP behind inline functions of FLINT's headers
find_library(GMP_LIBRARY gmp REQUIRED)
list(APPEND flint_libraries ${MPFR_LIBRARY} ${GMP_LIBRARY})
add_library(mathcoder_flint INTERFACE)
target_include_directories(mathcoder_flint SYSTEM INTERFACE ${FLINT_INCLUDE})
target_link_libraries(mathcoder_flint INTERFACE ${flint_libraries} m)

# yaml-cpp 0.7 exports `yaml-cpp`, newer ones `yaml-cpp::yaml-cpp`.
if(NOT TARGET yaml-cpp::yaml-cpp)
  add_library(yaml-cpp::yaml-cpp ALIAS yaml-cpp)
endif()

# llama.cpp: the one that MATHCODER_LLAMA names, else the pinned source, built once for all presets.
set(MATHCODER_LLAMA "" CACHE PATH "Prefix of an installed libllama (include/llama.h, lib/libllama.*); empty: build the pinned one")
if(MATHCODER_LLAMA)
  set(llama_prefix ${MATHCODER_LLAMA})
else()
  execute_process(
    COMMAND ${CMAKE_SOURCE_DIR}/scripts/build-llama
    OUTPUT_VARIABLE llama_prefix
    OUTPUT_STRIP_TRAILING_WHITESPACE
    RESULT_VARIABLE llama_failed)
  if(llama_failed)
    message(FATAL_ERROR "scripts/build-llama failed; its message is above. With an installed libllama: -DMATHCODER_LLAMA=/usr/local")
  endif()
endif()
find_library(LLAMA_LIBRARY llama PATHS ${llama_prefix}/lib ${llama_prefix}/lib64 NO_DEFAULT_PATH REQUIRED NO_CACHE)
set(llama_libraries ${LLAMA_LIBRARY})
foreach(part ggml ggml-cpu ggml-blas ggml-cuda ggml-metal ggml-vulkan ggml-base)
  find_library(library ${part} PATHS ${llama_prefix}/lib ${llama_prefix}/lib64 NO_DEFAULT_PATH NO_CACHE)
  if(library)
    list(APPEND llama_libraries ${library})
  endif()
  unset(library)
endforeach()
add_library(mathcoder_llama INTERFACE)
target_include_directories(mathcoder_llama SYSTEM INTERFACE ${llama_prefix}/include)
target_link_libraries(mathcoder_llama INTERFACE ${llama_libraries} Threads::Threads ${CMAKE_DL_LIBS} m)
message(STATUS "llama.cpp: ${llama_prefix}")
if(EXISTS ${llama_prefix}/lib/libggml-cuda.a)
  find_package(CUDAToolkit REQUIRED)
  target_link_libraries(mathcoder_llama INTERFACE CUDA::cudart CUDA::cublas CUDA::cuda_driver)
endif()

if(MATHCODER_TESTS)
  find_package(GTest 1.12 REQUIRED)
endif()
if(MATHCODER_BENCH)
  find_package(benchmark 1.6 REQUIRED)
endif()

# mathcoder_kernels(TARGET x SOURCES table.cc): compiles the sources once for each instruction set and adds them to the library. The
# compiler sees MC_ISA, the set's name and the namespace; at run time the program takes the best that its CPU has (train/ops/cpu/select.h).
if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set(mathcoder_instruction_sets baseline avx2 avx512 avx512bf16)
  set(mathcoder_flags_baseline -march=x86-64)
  set(mathcoder_flags_avx2 -march=x86-64-v3)
  set(mathcoder_flags_avx512 -march=x86-64-v4 -mprefer-vector-width=512)
  set(mathcoder_flags_avx512bf16 -march=x86-64-v4 -mavx512bf16 -mprefer-vector-width=512)
else()
  set(mathcoder_instruction_sets baseline)
endif()
function(mathcoder_kernels)
  cmake_parse_arguments(KERNELS "" "TARGET" "SOURCES" ${ARGN})
  foreach(isa ${mathcoder_instruction_sets})
    set(object ${KERNELS_TARGET}_${isa})
    add_library(${object} OBJECT ${KERNELS_SOURCES})
    target_link_libraries(${object} PRIVATE mathcoder_options)
    target_compile_definitions(${object} PRIVATE MC_ISA=${isa})
    # Fused multiply-add wherever the set has it; vectors as arguments of inlined functions have no ABI. Optimised in every preset: the
    # vector code is thousands of times slower otherwise.
    target_compile_options(${object} PRIVATE ${mathcoder_flags_${isa}} -O3 -ffp-contract=fast -fno-math-errno -fno-trapping-math -Wno-psabi
      -Wno-uninitialized -Wno-maybe-uninitialized)  # GCC 12 on its own AVX-512 headers (its bug 105593)
    target_sources(${KERNELS_TARGET} PRIVATE $<TARGET_OBJECTS:${object}>)
  endforeach()
endfunction()

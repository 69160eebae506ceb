# How every target of ours is compiled: warnings, sanitizers, ccache, a fast linker.
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()
find_program(MOLD mold)
if(MOLD AND NOT FACETRAIN_SANITIZE)
  add_link_options(-fuse-ld=mold)
endif()

add_library(facetrain_flags INTERFACE)
# GCC 12 warns of impossible overlaps in std::string's operator+ (https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105651).
target_compile_options(facetrain_flags INTERFACE
  $<$<AND:$<COMPILE_LANG_AND_ID:CXX,GNU>,$<VERSION_LESS:$<CXX_COMPILER_VERSION>,13>>:-Wno-restrict>)
target_compile_options(facetrain_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:C,CXX>:-Wall;-Wextra;-Wpedantic;$<$<BOOL:${FACETRAIN_WERROR}>:-Werror>>")
# nvcc takes its own and passes the rest on; what it generates for the host compiler is not pedantic. A kernel whose numbers do not
# fit into its registers (on any of the architectures) is a warning too.
target_compile_options(facetrain_flags INTERFACE
  "$<$<COMPILE_LANGUAGE:CUDA>:-Xcompiler=-Wall,-Wextra;-Xptxas=--warn-on-spills;$<$<BOOL:${FACETRAIN_WERROR}>:-Werror=all-warnings;-Xptxas=--warning-as-error>>")
# Open MPI's C++ bindings are gone from the standard; Asio is header-only here.
target_compile_definitions(facetrain_flags INTERFACE OMPI_SKIP_MPICXX BOOST_ERROR_CODE_HEADER_ONLY)
target_include_directories(facetrain_flags INTERFACE ${CMAKE_SOURCE_DIR})
if(FACETRAIN_SANITIZE)
  add_compile_options("$<$<COMPILE_LANGUAGE:C,CXX>:-fsanitize=address,undefined;-fno-omit-frame-pointer;-g1>")
  add_link_options(-fsanitize=address,undefined)
endif()

# facetrain_library(NAME SOURCES... ) - a static library with our flags.
function(facetrain_library name)
  add_library(${name} STATIC ${ARGN})
  target_link_libraries(${name} PUBLIC facetrain_flags)
endfunction()

# facetrain_program(NAME SOURCES...)
function(facetrain_program name)
  add_executable(${name} ${ARGN})
  target_link_libraries(${name} PRIVATE facetrain_flags)
endfunction()

option(FACETRAIN_UNITY "Compile eight files at a time: from nothing it takes less time, after a change more" ${FACETRAIN_SANITIZE})

# facetrain_unity(TARGET [PATTERNS...]) - with FACETRAIN_UNITY, the sources are compiled eight at a time: the headers (LibTorch's, doctest,
# the standard library's) take most of each file's time. Names in anonymous namespaces of such a target must differ; sources that match a
# regular expression of PATTERNS stay on their own.
function(facetrain_unity target)
  if(NOT FACETRAIN_UNITY)
    return()
  endif()
  set_target_properties(${target} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  get_target_property(sources ${target} SOURCES)
  foreach(pattern ${ARGN})
    set(alone ${sources})
    list(FILTER alone INCLUDE REGEX ${pattern})
    set_property(SOURCE ${alone} PROPERTY SKIP_UNITY_BUILD_INCLUSION ON)
  endforeach()
endfunction()

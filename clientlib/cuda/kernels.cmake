# The copy kernels, embedded. Nothing of CUDA is needed to build: where nvcc is found, machine code is built in besides
# the checked-in PTX. Sets kernel_sources.
enable_language(ASM)
set(kernels ${CMAKE_CURRENT_LIST_DIR}/kernels)
set(kernel_sources ${kernels}/embed.S)
set_property(SOURCE ${kernel_sources} APPEND PROPERTY COMPILE_DEFINITIONS UAKV_KERNELS_PTX="${kernels}/paged_copy.ptx")
set_property(SOURCE ${kernel_sources} APPEND PROPERTY OBJECT_DEPENDS ${kernels}/paged_copy.ptx)

find_program(UAKV_NVCC nvcc DOC "CUDA compiler; without it the library has the kernels as PTX only")
mark_as_advanced(UAKV_NVCC)
set(architectures "")
if(UAKV_NVCC)
  execute_process(COMMAND ${UAKV_NVCC} --list-gpu-code OUTPUT_VARIABLE known ERROR_QUIET)
  string(REGEX MATCHALL "sm_[0-9]+" known "${known}")
  foreach(architecture IN ITEMS 80 90 100 120)
    if(sm_${architecture} IN_LIST known)
      list(APPEND architectures -gencode arch=compute_${architecture},code=sm_${architecture})
    endif()
  endforeach()
endif()
if(architectures)
  set(fatbin ${CMAKE_CURRENT_BINARY_DIR}/paged_copy.fatbin)
  add_custom_command(OUTPUT ${fatbin}
    COMMAND ${UAKV_NVCC} -fatbin -std=c++17 --allow-unsupported-compiler ${architectures} -I${PROJECT_SOURCE_DIR}
            ${kernels}/paged_copy.cu -o ${fatbin}
    DEPENDS ${kernels}/paged_copy.cu ${kernels}/paged_copy.h
    COMMENT "Machine code of the copy kernels" VERBATIM)
  set_property(SOURCE ${kernel_sources} APPEND PROPERTY COMPILE_DEFINITIONS UAKV_KERNELS_FATBIN="${fatbin}")
  set_property(SOURCE ${kernel_sources} APPEND PROPERTY OBJECT_DEPENDS ${fatbin})
endif()

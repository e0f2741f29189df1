// The images of the copy kernels, as they are. kernel_image.cc reads them.
        .section .rodata
        .balign 16
        .globl uakv_kernels_ptx
        .hidden uakv_kernels_ptx
uakv_kernels_ptx:
        .incbin UAKV_KERNELS_PTX
        .byte 0
        .balign 16
        .globl uakv_kernels_fatbin
        .hidden uakv_kernels_fatbin
uakv_kernels_fatbin:
#ifdef UAKV_KERNELS_FATBIN
        .incbin UAKV_KERNELS_FATBIN
#endif
end:
        .balign 8
        .globl uakv_kernels_fatbin_bytes
        .hidden uakv_kernels_fatbin_bytes
uakv_kernels_fatbin_bytes:
        .quad end - uakv_kernels_fatbin
        .section .note.GNU-stack, "", %progbits

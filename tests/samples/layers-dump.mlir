// -----// IR Dump Before LayoutSlicesPass: iree-stream-layout-slices //----- //
util.func public @encode(%arg0: !hal.buffer_view, %arg1: !hal.buffer_view, %arg2: !hal.buffer_view, %arg3: !hal.buffer_view, %arg4: !hal.buffer_view, %arg5: !hal.buffer_view, %arg6: !hal.buffer_view, %arg7: !hal.buffer_view, %arg8: !hal.buffer_view) -> !hal.buffer_view attributes {iree.abi.stub, iree.reflection = {iree.abi.declaration = "sync func @encode(%input0: tensor<16x12xf32>, %input1: tensor<12x40xf32>, %input2: tensor<40x24xf32>, %input3: tensor<24x40xf32>, %input4: tensor<40x56xf32>, %input5: tensor<56x40xf32>, %input6: tensor<40x24xf32>, %input7: tensor<24x40xf32>, %input8: tensor<40x16xf32>) -> (%output0: tensor<16x16xf32>)"}} {
  %c1024 = arith.constant 1024 : index
  %c3584 = arith.constant 3584 : index
  %c1536 = arith.constant 1536 : index
  %c0 = arith.constant 0 : index
  %c2560 = arith.constant 2560 : index
  %c8960 = arith.constant 8960 : index
  %c3840 = arith.constant 3840 : index
  %c1920 = arith.constant 1920 : index
  %c768 = arith.constant 768 : index
  %c56 = arith.constant 56 : index
  %c24 = arith.constant 24 : index
  %c40 = arith.constant 40 : index
  %c12 = arith.constant 12 : index
  %c16 = arith.constant 16 : index
  %element_type_f32 = hal.element_type<f32> : i32
  %dense_row_major = hal.encoding_type<dense_row_major> : i32
  hal.buffer_view.assert<%arg0 : !hal.buffer_view> message("input0") shape([%c16, %c12]) type(%element_type_f32) encoding(%dense_row_major)
  %0 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg0 : !hal.buffer_view -> tensor<16x12xf32> in !stream.resource<external>{%c768}
  %1 = stream.async.cast on(#hal.device.affinity<@__device_0>) %0 : !stream.resource<external>{%c768} -> !stream.resource<*>{%c768}
  hal.buffer_view.assert<%arg1 : !hal.buffer_view> message("input1") shape([%c12, %c40]) type(%element_type_f32) encoding(%dense_row_major)
  %2 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg1 : !hal.buffer_view -> tensor<12x40xf32> in !stream.resource<external>{%c1920}
  %3 = stream.async.cast on(#hal.device.affinity<@__device_0>) %2 : !stream.resource<external>{%c1920} -> !stream.resource<*>{%c1920}
  hal.buffer_view.assert<%arg2 : !hal.buffer_view> message("input2") shape([%c40, %c24]) type(%element_type_f32) encoding(%dense_row_major)
  %4 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg2 : !hal.buffer_view -> tensor<40x24xf32> in !stream.resource<external>{%c3840}
  %5 = stream.async.cast on(#hal.device.affinity<@__device_0>) %4 : !stream.resource<external>{%c3840} -> !stream.resource<*>{%c3840}
  hal.buffer_view.assert<%arg3 : !hal.buffer_view> message("input3") shape([%c24, %c40]) type(%element_type_f32) encoding(%dense_row_major)
  %6 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg3 : !hal.buffer_view -> tensor<24x40xf32> in !stream.resource<external>{%c3840}
  %7 = stream.async.cast on(#hal.device.affinity<@__device_0>) %6 : !stream.resource<external>{%c3840} -> !stream.resource<*>{%c3840}
  hal.buffer_view.assert<%arg4 : !hal.buffer_view> message("input4") shape([%c40, %c56]) type(%element_type_f32) encoding(%dense_row_major)
  %8 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg4 : !hal.buffer_view -> tensor<40x56xf32> in !stream.resource<external>{%c8960}
  %9 = stream.async.cast on(#hal.device.affinity<@__device_0>) %8 : !stream.resource<external>{%c8960} -> !stream.resource<*>{%c8960}
  hal.buffer_view.assert<%arg5 : !hal.buffer_view> message("input5") shape([%c56, %c40]) type(%element_type_f32) encoding(%dense_row_major)
  %10 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg5 : !hal.buffer_view -> tensor<56x40xf32> in !stream.resource<external>{%c8960}
  %11 = stream.async.cast on(#hal.device.affinity<@__device_0>) %10 : !stream.resource<external>{%c8960} -> !stream.resource<*>{%c8960}
  hal.buffer_view.assert<%arg6 : !hal.buffer_view> message("input6") shape([%c40, %c24]) type(%element_type_f32) encoding(%dense_row_major)
  %12 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg6 : !hal.buffer_view -> tensor<40x24xf32> in !stream.resource<external>{%c3840}
  %13 = stream.async.cast on(#hal.device.affinity<@__device_0>) %12 : !stream.resource<external>{%c3840} -> !stream.resource<*>{%c3840}
  hal.buffer_view.assert<%arg7 : !hal.buffer_view> message("input7") shape([%c24, %c40]) type(%element_type_f32) encoding(%dense_row_major)
  %14 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg7 : !hal.buffer_view -> tensor<24x40xf32> in !stream.resource<external>{%c3840}
  %15 = stream.async.cast on(#hal.device.affinity<@__device_0>) %14 : !stream.resource<external>{%c3840} -> !stream.resource<*>{%c3840}
  hal.buffer_view.assert<%arg8 : !hal.buffer_view> message("input8") shape([%c40, %c16]) type(%element_type_f32) encoding(%dense_row_major)
  %16 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg8 : !hal.buffer_view -> tensor<40x16xf32> in !stream.resource<external>{%c2560}
  %17 = stream.async.cast on(#hal.device.affinity<@__device_0>) %16 : !stream.resource<external>{%c2560} -> !stream.resource<*>{%c2560}
  %18 = stream.async.dispatch on(#hal.device.affinity<@__device_0>) @encode_dispatch_0::@encode_dispatch_0_matmul_16x40x12_f32(%1[%c0 to %c768 for %c768], %3[%c0 to %c1920 for %c1920]) : (!stream.resource<*>{%c768}, !stream.resource<*>{%c1920}) -> !stream.resource<*>{%c2560}
  %19 = stream.async.dispatch on(#hal.device.affinity<@__device_0>) @encode_dispatch_1::@encode_dispatch_1_matmul_16x24x40_f32(%18[%c0 to %c2560 for %c2560], %5[%c0 to %c3840 for %c3840]) : (!stream.resource<*>{%c2560}, !stream.resource<*>{%c3840}) -> !stream.resource<*>{%c1536}
  %20 = stream.async.dispatch on(#hal.device.affinity<@__device_0>) @encode_dispatch_2::@encode_dispatch_2_matmul_16x40x24_f32(%19[%c0 to %c1536 for %c1536], %7[%c0 to %c3840 for %c3840], %18[%c0 to %c2560 for %c2560]) : (!stream.resource<*>{%c1536}, !stream.resource<*>{%c3840}, !stream.resource<*>{%c2560}) -> !stream.resource<*>{%c2560}
  %21 = stream.async.dispatch on(#hal.device.affinity<@__device_0>) @encode_dispatch_3::@encode_dispatch_3_matmul_16x56x40_f32(%20[%c0 to %c2560 for %c2560], %9[%c0 to %c8960 for %c8960]) : (!stream.resource<*>{%c2560}, !stream.resource<*>{%c8960}) -> !stream.resource<*>{%c3584}
  %22 = stream.async.dispatch on(#hal.device.affinity<@__device_0>) @encode_dispatch_4::@encode_dispatch_4_matmul_16x40x56_f32(%21[%c0 to %c3584 for %c3584], %11[%c0 to %c8960 for %c8960], %20[%c0 to %c2560 for %c2560]) : (!stream.resource<*>{%c3584}, !stream.resource<*>{%c8960}, !stream.resource<*>{%c2560}) -> !stream.resource<*>{%c2560}
  %23 = stream.async.dispatch on(#hal.device.affinity<@__device_0>) @encode_dispatch_1::@encode_dispatch_1_matmul_16x24x40_f32(%22[%c0 to %c2560 for %c2560], %13[%c0 to %c3840 for %c3840]) : (!stream.resource<*>{%c2560}, !stream.resource<*>{%c3840}) -> !stream.resource<*>{%c1536}
  %24 = stream.async.dispatch on(#hal.device.affinity<@__device_0>) @encode_dispatch_2::@encode_dispatch_2_matmul_16x40x24_f32(%23[%c0 to %c1536 for %c1536], %15[%c0 to %c3840 for %c3840], %22[%c0 to %c2560 for %c2560]) : (!stream.resource<*>{%c1536}, !stream.resource<*>{%c3840}, !stream.resource<*>{%c2560}) -> !stream.resource<*>{%c2560}
  %25 = stream.async.dispatch on(#hal.device.affinity<@__device_0>) @encode_dispatch_7::@encode_dispatch_7_matmul_16x16x40_f32(%24[%c0 to %c2560 for %c2560], %17[%c0 to %c2560 for %c2560]) : (!stream.resource<*>{%c2560}, !stream.resource<*>{%c2560}) -> !stream.resource<*>{%c1024}
  %26 = stream.async.cast on(#hal.device.affinity<@__device_0>) %25 : !stream.resource<*>{%c1024} -> !stream.resource<external>{%c1024}
  %27 = stream.tensor.export on(#hal.device.affinity<@__device_0>) %26 : tensor<16x16xf32> in !stream.resource<external>{%c1024} -> !hal.buffer_view
  util.return %27 : !hal.buffer_view
}

// -----// IR Dump Before LayoutSlicesPass: iree-stream-layout-slices //----- //
util.func public @decode(%arg0: !hal.buffer_view, %arg1: !hal.buffer_view, %arg2: !hal.buffer_view, %arg3: !hal.buffer_view, %arg4: !hal.buffer_view) -> !hal.buffer_view attributes {iree.abi.stub, iree.reflection = {iree.abi.declaration = "sync func @decode(%input0: tensor<8x16xf32>, %input1: tensor<16x24xf32>, %input2: tensor<24x12xf32>, %input3: tensor<12x24xf32>, %input4: tensor<24x40xf32>) -> (%output0: tensor<8x40xf32>)"}} {
  %c1280 = arith.constant 1280 : index
  %c384 = arith.constant 384 : index
  %c0 = arith.constant 0 : index
  %c768 = arith.constant 768 : index
  %c3840 = arith.constant 3840 : index
  %c1152 = arith.constant 1152 : index
  %c1536 = arith.constant 1536 : index
  %c512 = arith.constant 512 : index
  %c40 = arith.constant 40 : index
  %c12 = arith.constant 12 : index
  %c24 = arith.constant 24 : index
  %c16 = arith.constant 16 : index
  %c8 = arith.constant 8 : index
  %element_type_f32 = hal.element_type<f32> : i32
  %dense_row_major = hal.encoding_type<dense_row_major> : i32
  hal.buffer_view.assert<%arg0 : !hal.buffer_view> message("input0") shape([%c8, %c16]) type(%element_type_f32) encoding(%dense_row_major)
  %0 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg0 : !hal.buffer_view -> tensor<8x16xf32> in !stream.resource<external>{%c512}
  %1 = stream.async.cast on(#hal.device.affinity<@__device_0>) %0 : !stream.resource<external>{%c512} -> !stream.resource<*>{%c512}
  hal.buffer_view.assert<%arg1 : !hal.buffer_view> message("input1") shape([%c16, %c24]) type(%element_type_f32) encoding(%dense_row_major)
  %2 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg1 : !hal.buffer_view -> tensor<16x24xf32> in !stream.resource<external>{%c1536}
  %3 = stream.async.cast on(#hal.device.affinity<@__device_0>) %2 : !stream.resource<external>{%c1536} -> !stream.resource<*>{%c1536}
  hal.buffer_view.assert<%arg2 : !hal.buffer_view> message("input2") shape([%c24, %c12]) type(%element_type_f32) encoding(%dense_row_major)
  %4 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg2 : !hal.buffer_view -> tensor<24x12xf32> in !stream.resource<external>{%c1152}
  %5 = stream.async.cast on(#hal.device.affinity<@__device_0>) %4 : !stream.resource<external>{%c1152} -> !stream.resource<*>{%c1152}
  hal.buffer_view.assert<%arg3 : !hal.buffer_view> message("input3") shape([%c12, %c24]) type(%element_type_f32) encoding(%dense_row_major)
  %6 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg3 : !hal.buffer_view -> tensor<12x24xf32> in !stream.resource<external>{%c1152}
  %7 = stream.async.cast on(#hal.device.affinity<@__device_0>) %6 : !stream.resource<external>{%c1152} -> !stream.resource<*>{%c1152}
  hal.buffer_view.assert<%arg4 : !hal.buffer_view> message("input4") shape([%c24, %c40]) type(%element_type_f32) encoding(%dense_row_major)
  %8 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg4 : !hal.buffer_view -> tensor<24x40xf32> in !stream.resource<external>{%c3840}
  %9 = stream.async.cast on(#hal.device.affinity<@__device_0>) %8 : !stream.resource<external>{%c3840} -> !stream.resource<*>{%c3840}
  %10 = stream.async.dispatch on(#hal.device.affinity<@__device_0>) @decode_dispatch_0::@decode_dispatch_0_matmul_8x24x16_f32(%1[%c0 to %c512 for %c512], %3[%c0 to %c1536 for %c1536]) : (!stream.resource<*>{%c512}, !stream.resource<*>{%c1536}) -> !stream.resource<*>{%c768}
  %11 = stream.async.dispatch on(#hal.device.affinity<@__device_0>) @decode_dispatch_1::@decode_dispatch_1_matmul_8x12x24_f32(%10[%c0 to %c768 for %c768], %5[%c0 to %c1152 for %c1152]) : (!stream.resource<*>{%c768}, !stream.resource<*>{%c1152}) -> !stream.resource<*>{%c384}
  %12 = stream.async.dispatch on(#hal.device.affinity<@__device_0>) @decode_dispatch_2::@decode_dispatch_2_matmul_8x24x12_f32(%11[%c0 to %c384 for %c384], %7[%c0 to %c1152 for %c1152], %10[%c0 to %c768 for %c768]) : (!stream.resource<*>{%c384}, !stream.resource<*>{%c1152}, !stream.resource<*>{%c768}) -> !stream.resource<*>{%c768}
  %13 = stream.async.dispatch on(#hal.device.affinity<@__device_0>) @decode_dispatch_3::@decode_dispatch_3_matmul_8x40x24_f32(%12[%c0 to %c768 for %c768], %9[%c0 to %c3840 for %c3840]) : (!stream.resource<*>{%c768}, !stream.resource<*>{%c3840}) -> !stream.resource<*>{%c1280}
  %14 = stream.async.cast on(#hal.device.affinity<@__device_0>) %13 : !stream.resource<*>{%c1280} -> !stream.resource<external>{%c1280}
  %15 = stream.tensor.export on(#hal.device.affinity<@__device_0>) %14 : tensor<8x40xf32> in !stream.resource<external>{%c1280} -> !hal.buffer_view
  util.return %15 : !hal.buffer_view
}

// -----// IR Dump Before LayoutSlicesPass: iree-stream-layout-slices //----- //
util.func public @encode(%arg0: !hal.buffer_view, %arg1: !hal.buffer_view, %arg2: !hal.buffer_view, %arg3: !hal.buffer_view, %arg4: !hal.buffer_view, %arg5: !hal.buffer_view, %arg6: !hal.buffer_view, %arg7: !hal.buffer_view, %arg8: !hal.buffer_view) -> !hal.buffer_view attributes {iree.abi.stub, iree.reflection = {iree.abi.declaration = "sync func @encode(%input0: tensor<16x12xf32>, %input1: tensor<12x40xf32>, %input2: tensor<40x24xf32>, %input3: tensor<24x40xf32>, %input4: tensor<40x56xf32>, %input5: tensor<56x40xf32>, %input6: tensor<40x24xf32>, %input7: tensor<24x40xf32>, %input8: tensor<40x16xf32>) -> (%output0: tensor<16x16xf32>)"}} {
  %c1024 = arith.constant 1024 : index
  %c3584 = arith.constant 3584 : index
  %c1536 = arith.constant 1536 : index
  %c0 = arith.constant 0 : index
  %c2560 = arith.constant 2560 : index
  %c8960 = arith.constant 8960 : index
  %c3840 = arith.constant 3840 : index
  %c1920 = arith.constant 1920 : index
  %c768 = arith.constant 768 : index
  %c56 = arith.constant 56 : index
  %c24 = arith.constant 24 : index
  %c40 = arith.constant 40 : index
  %c12 = arith.constant 12 : index
  %c16 = arith.constant 16 : index
  %element_type_f32 = hal.element_type<f32> : i32
  %dense_row_major = hal.encoding_type<dense_row_major> : i32
  hal.buffer_view.assert<%arg0 : !hal.buffer_view> message("input0") shape([%c16, %c12]) type(%element_type_f32) encoding(%dense_row_major)
  %0 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg0 : !hal.buffer_view -> tensor<16x12xf32> in !stream.resource<external>{%c768}
  hal.buffer_view.assert<%arg1 : !hal.buffer_view> message("input1") shape([%c12, %c40]) type(%element_type_f32) encoding(%dense_row_major)
  %1 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg1 : !hal.buffer_view -> tensor<12x40xf32> in !stream.resource<external>{%c1920}
  hal.buffer_view.assert<%arg2 : !hal.buffer_view> message("input2") shape([%c40, %c24]) type(%element_type_f32) encoding(%dense_row_major)
  %2 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg2 : !hal.buffer_view -> tensor<40x24xf32> in !stream.resource<external>{%c3840}
  hal.buffer_view.assert<%arg3 : !hal.buffer_view> message("input3") shape([%c24, %c40]) type(%element_type_f32) encoding(%dense_row_major)
  %3 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg3 : !hal.buffer_view -> tensor<24x40xf32> in !stream.resource<external>{%c3840}
  hal.buffer_view.assert<%arg4 : !hal.buffer_view> message("input4") shape([%c40, %c56]) type(%element_type_f32) encoding(%dense_row_major)
  %4 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg4 : !hal.buffer_view -> tensor<40x56xf32> in !stream.resource<external>{%c8960}
  hal.buffer_view.assert<%arg5 : !hal.buffer_view> message("input5") shape([%c56, %c40]) type(%element_type_f32) encoding(%dense_row_major)
  %5 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg5 : !hal.buffer_view -> tensor<56x40xf32> in !stream.resource<external>{%c8960}
  hal.buffer_view.assert<%arg6 : !hal.buffer_view> message("input6") shape([%c40, %c24]) type(%element_type_f32) encoding(%dense_row_major)
  %6 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg6 : !hal.buffer_view -> tensor<40x24xf32> in !stream.resource<external>{%c3840}
  hal.buffer_view.assert<%arg7 : !hal.buffer_view> message("input7") shape([%c24, %c40]) type(%element_type_f32) encoding(%dense_row_major)
  %7 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg7 : !hal.buffer_view -> tensor<24x40xf32> in !stream.resource<external>{%c3840}
  hal.buffer_view.assert<%arg8 : !hal.buffer_view> message("input8") shape([%c40, %c16]) type(%element_type_f32) encoding(%dense_row_major)
  %8 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg8 : !hal.buffer_view -> tensor<40x16xf32> in !stream.resource<external>{%c2560}
  %c0_0 = arith.constant 0 : index
  %result, %result_timepoint = stream.resource.alloca uninitialized on(#hal.device.affinity<@__device_0>) : !stream.resource<external>{%c1024} => !stream.timepoint
  %9:8 = stream.resource.pack on(#hal.device.affinity<@__device_0>) slices({
    [0, 2] = %c2560,
    [1, 2] = %c1536,
    [2, 4] = %c2560,
    [3, 4] = %c3584,
    [4, 6] = %c2560,
    [5, 6] = %c1536,
    [6, 7] = %c2560
  }) : index
  %result_1, %result_timepoint_2 = stream.resource.alloca uninitialized on(#hal.device.affinity<@__device_0>) : !stream.resource<transient>{%9#0} => !stream.timepoint
  %10 = stream.timepoint.join max(%result_timepoint, %result_timepoint_2) => !stream.timepoint
  %11 = stream.cmd.execute on(#hal.device.affinity<@__device_0>) await(%10) => with(%0 as %arg9: !stream.resource<external>{%c768}, %1 as %arg10: !stream.resource<external>{%c1920}, %2 as %arg11: !stream.resource<external>{%c3840}, %3 as %arg12: !stream.resource<external>{%c3840}, %4 as %arg13: !stream.resource<external>{%c8960}, %5 as %arg14: !stream.resource<external>{%c8960}, %6 as %arg15: !stream.resource<external>{%c3840}, %7 as %arg16: !stream.resource<external>{%c3840}, %8 as %arg17: !stream.resource<external>{%c2560}, %result as %arg18: !stream.resource<external>{%c1024}, %result_1 as %arg19: !stream.resource<transient>{%9#0}) {
    stream.cmd.dispatch @encode_dispatch_0::@encode_dispatch_0_matmul_16x40x12_f32 {
      ro %arg9[%c0 for %c768] : !stream.resource<external>{%c768},
      ro %arg10[%c0 for %c1920] : !stream.resource<external>{%c1920},
      wo %arg19[%9#1 for %c2560] : !stream.resource<transient>{%9#0}
    }
    stream.cmd.dispatch @encode_dispatch_1::@encode_dispatch_1_matmul_16x24x40_f32 {
      ro %arg19[%9#1 for %c2560] : !stream.resource<transient>{%9#0},
      ro %arg11[%c0 for %c3840] : !stream.resource<external>{%c3840},
      wo %arg19[%9#2 for %c1536] : !stream.resource<transient>{%9#0}
    }
    stream.cmd.dispatch @encode_dispatch_2::@encode_dispatch_2_matmul_16x40x24_f32 {
      ro %arg19[%9#2 for %c1536] : !stream.resource<transient>{%9#0},
      ro %arg12[%c0 for %c3840] : !stream.resource<external>{%c3840},
      ro %arg19[%9#1 for %c2560] : !stream.resource<transient>{%9#0},
      wo %arg19[%9#3 for %c2560] : !stream.resource<transient>{%9#0}
    }
    stream.cmd.dispatch @encode_dispatch_3::@encode_dispatch_3_matmul_16x56x40_f32 {
      ro %arg19[%9#3 for %c2560] : !stream.resource<transient>{%9#0},
      ro %arg13[%c0 for %c8960] : !stream.resource<external>{%c8960},
      wo %arg19[%9#4 for %c3584] : !stream.resource<transient>{%9#0}
    }
    stream.cmd.dispatch @encode_dispatch_4::@encode_dispatch_4_matmul_16x40x56_f32 {
      ro %arg19[%9#4 for %c3584] : !stream.resource<transient>{%9#0},
      ro %arg14[%c0 for %c8960] : !stream.resource<external>{%c8960},
      ro %arg19[%9#3 for %c2560] : !stream.resource<transient>{%9#0},
      wo %arg19[%9#5 for %c2560] : !stream.resource<transient>{%9#0}
    }
    stream.cmd.dispatch @encode_dispatch_1::@encode_dispatch_1_matmul_16x24x40_f32 {
      ro %arg19[%9#5 for %c2560] : !stream.resource<transient>{%9#0},
      ro %arg15[%c0 for %c3840] : !stream.resource<external>{%c3840},
      wo %arg19[%9#6 for %c1536] : !stream.resource<transient>{%9#0}
    }
    stream.cmd.dispatch @encode_dispatch_2::@encode_dispatch_2_matmul_16x40x24_f32 {
      ro %arg19[%9#6 for %c1536] : !stream.resource<transient>{%9#0},
      ro %arg16[%c0 for %c3840] : !stream.resource<external>{%c3840},
      ro %arg19[%9#5 for %c2560] : !stream.resource<transient>{%9#0},
      wo %arg19[%9#7 for %c2560] : !stream.resource<transient>{%9#0}
    }
    stream.cmd.dispatch @encode_dispatch_7::@encode_dispatch_7_matmul_16x16x40_f32 {
      ro %arg19[%9#7 for %c2560] : !stream.resource<transient>{%9#0},
      ro %arg17[%c0 for %c2560] : !stream.resource<external>{%c2560},
      wo %arg18[%c0_0 for %c1024] : !stream.resource<external>{%c1024}
    }
  } => !stream.timepoint
  %12 = stream.resource.dealloca on(#hal.device.affinity<@__device_0>) await(%11) => %result_1 : !stream.resource<transient>{%9#0} => !stream.timepoint
  %13 = stream.timepoint.join max(%12, %11) => !stream.timepoint
  %14 = stream.timepoint.await %13 => %result : !stream.resource<external>{%c1024}
  %15 = stream.tensor.export on(#hal.device.affinity<@__device_0>) %14 : tensor<16x16xf32> in !stream.resource<external>{%c1024} -> !hal.buffer_view
  util.return %15 : !hal.buffer_view
}

// -----// IR Dump Before LayoutSlicesPass: iree-stream-layout-slices //----- //
util.func public @decode(%arg0: !hal.buffer_view, %arg1: !hal.buffer_view, %arg2: !hal.buffer_view, %arg3: !hal.buffer_view, %arg4: !hal.buffer_view) -> !hal.buffer_view attributes {iree.abi.stub, iree.reflection = {iree.abi.declaration = "sync func @decode(%input0: tensor<8x16xf32>, %input1: tensor<16x24xf32>, %input2: tensor<24x12xf32>, %input3: tensor<12x24xf32>, %input4: tensor<24x40xf32>) -> (%output0: tensor<8x40xf32>)"}} {
  %c1280 = arith.constant 1280 : index
  %c384 = arith.constant 384 : index
  %c0 = arith.constant 0 : index
  %c768 = arith.constant 768 : index
  %c3840 = arith.constant 3840 : index
  %c1152 = arith.constant 1152 : index
  %c1536 = arith.constant 1536 : index
  %c512 = arith.constant 512 : index
  %c40 = arith.constant 40 : index
  %c12 = arith.constant 12 : index
  %c24 = arith.constant 24 : index
  %c16 = arith.constant 16 : index
  %c8 = arith.constant 8 : index
  %element_type_f32 = hal.element_type<f32> : i32
  %dense_row_major = hal.encoding_type<dense_row_major> : i32
  hal.buffer_view.assert<%arg0 : !hal.buffer_view> message("input0") shape([%c8, %c16]) type(%element_type_f32) encoding(%dense_row_major)
  %0 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg0 : !hal.buffer_view -> tensor<8x16xf32> in !stream.resource<external>{%c512}
  hal.buffer_view.assert<%arg1 : !hal.buffer_view> message("input1") shape([%c16, %c24]) type(%element_type_f32) encoding(%dense_row_major)
  %1 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg1 : !hal.buffer_view -> tensor<16x24xf32> in !stream.resource<external>{%c1536}
  hal.buffer_view.assert<%arg2 : !hal.buffer_view> message("input2") shape([%c24, %c12]) type(%element_type_f32) encoding(%dense_row_major)
  %2 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg2 : !hal.buffer_view -> tensor<24x12xf32> in !stream.resource<external>{%c1152}
  hal.buffer_view.assert<%arg3 : !hal.buffer_view> message("input3") shape([%c12, %c24]) type(%element_type_f32) encoding(%dense_row_major)
  %3 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg3 : !hal.buffer_view -> tensor<12x24xf32> in !stream.resource<external>{%c1152}
  hal.buffer_view.assert<%arg4 : !hal.buffer_view> message("input4") shape([%c24, %c40]) type(%element_type_f32) encoding(%dense_row_major)
  %4 = stream.tensor.import on(#hal.device.affinity<@__device_0>) %arg4 : !hal.buffer_view -> tensor<24x40xf32> in !stream.resource<external>{%c3840}
  %c0_0 = arith.constant 0 : index
  %result, %result_timepoint = stream.resource.alloca uninitialized on(#hal.device.affinity<@__device_0>) : !stream.resource<external>{%c1280} => !stream.timepoint
  %5:4 = stream.resource.pack on(#hal.device.affinity<@__device_0>) slices({
    [0, 2] = %c768,
    [1, 2] = %c384,
    [2, 3] = %c768
  }) : index
  %result_1, %result_timepoint_2 = stream.resource.alloca uninitialized on(#hal.device.affinity<@__device_0>) : !stream.resource<transient>{%5#0} => !stream.timepoint
  %6 = stream.timepoint.join max(%result_timepoint, %result_timepoint_2) => !stream.timepoint
  %7 = stream.cmd.execute on(#hal.device.affinity<@__device_0>) await(%6) => with(%0 as %arg5: !stream.resource<external>{%c512}, %1 as %arg6: !stream.resource<external>{%c1536}, %2 as %arg7: !stream.resource<external>{%c1152}, %3 as %arg8: !stream.resource<external>{%c1152}, %4 as %arg9: !stream.resource<external>{%c3840}, %result as %arg10: !stream.resource<external>{%c1280}, %result_1 as %arg11: !stream.resource<transient>{%5#0}) {
    stream.cmd.dispatch @decode_dispatch_0::@decode_dispatch_0_matmul_8x24x16_f32 {
      ro %arg5[%c0 for %c512] : !stream.resource<external>{%c512},
      ro %arg6[%c0 for %c1536] : !stream.resource<external>{%c1536},
      wo %arg11[%5#1 for %c768] : !stream.resource<transient>{%5#0}
    }
    stream.cmd.dispatch @decode_dispatch_1::@decode_dispatch_1_matmul_8x12x24_f32 {
      ro %arg11[%5#1 for %c768] : !stream.resource<transient>{%5#0},
      ro %arg7[%c0 for %c1152] : !stream.resource<external>{%c1152},
      wo %arg11[%5#2 for %c384] : !stream.resource<transient>{%5#0}
    }
    stream.cmd.dispatch @decode_dispatch_2::@decode_dispatch_2_matmul_8x24x12_f32 {
      ro %arg11[%5#2 for %c384] : !stream.resource<transient>{%5#0},
      ro %arg8[%c0 for %c1152] : !stream.resource<external>{%c1152},
      ro %arg11[%5#1 for %c768] : !stream.resource<transient>{%5#0},
      wo %arg11[%5#3 for %c768] : !stream.resource<transient>{%5#0}
    }
    stream.cmd.dispatch @decode_dispatch_3::@decode_dispatch_3_matmul_8x40x24_f32 {
      ro %arg11[%5#3 for %c768] : !stream.resource<transient>{%5#0},
      ro %arg9[%c0 for %c3840] : !stream.resource<external>{%c3840},
      wo %arg10[%c0_0 for %c1280] : !stream.resource<external>{%c1280}
    }
  } => !stream.timepoint
  %8 = stream.resource.dealloca on(#hal.device.affinity<@__device_0>) await(%7) => %result_1 : !stream.resource<transient>{%5#0} => !stream.timepoint
  %9 = stream.timepoint.join max(%8, %7) => !stream.timepoint
  %10 = stream.timepoint.await %9 => %result : !stream.resource<external>{%c1280}
  %11 = stream.tensor.export on(#hal.device.affinity<@__device_0>) %10 : tensor<8x40xf32> in !stream.resource<external>{%c1280} -> !hal.buffer_view
  util.return %11 : !hal.buffer_view
}


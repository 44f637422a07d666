func.func @encode(%x0: tensor<16x12xf32>, %w0: tensor<12x40xf32>, %w1: tensor<40x24xf32>, %w2: tensor<24x40xf32>, %w3: tensor<40x56xf32>, %w4: tensor<56x40xf32>, %w5: tensor<40x24xf32>, %w6: tensor<24x40xf32>, %w7: tensor<40x16xf32>) -> tensor<16x16xf32> {
  %z = arith.constant 0.0 : f32
  %e0 = tensor.empty() : tensor<16x40xf32>
  %f0 = linalg.fill ins(%z : f32) outs(%e0 : tensor<16x40xf32>) -> tensor<16x40xf32>
  %y0 = linalg.matmul ins(%x0, %w0 : tensor<16x12xf32>, tensor<12x40xf32>) outs(%f0 : tensor<16x40xf32>) -> tensor<16x40xf32>
  %x1 = math.tanh %y0 : tensor<16x40xf32>
  %e1 = tensor.empty() : tensor<16x24xf32>
  %f1 = linalg.fill ins(%z : f32) outs(%e1 : tensor<16x24xf32>) -> tensor<16x24xf32>
  %y1 = linalg.matmul ins(%x1, %w1 : tensor<16x40xf32>, tensor<40x24xf32>) outs(%f1 : tensor<16x24xf32>) -> tensor<16x24xf32>
  %x2 = math.tanh %y1 : tensor<16x24xf32>
  %e2 = tensor.empty() : tensor<16x40xf32>
  %f2 = linalg.fill ins(%z : f32) outs(%e2 : tensor<16x40xf32>) -> tensor<16x40xf32>
  %y2 = linalg.matmul ins(%x2, %w2 : tensor<16x24xf32>, tensor<24x40xf32>) outs(%f2 : tensor<16x40xf32>) -> tensor<16x40xf32>
  %x3 = arith.addf %y2, %x1 : tensor<16x40xf32>
  %e3 = tensor.empty() : tensor<16x56xf32>
  %f3 = linalg.fill ins(%z : f32) outs(%e3 : tensor<16x56xf32>) -> tensor<16x56xf32>
  %y3 = linalg.matmul ins(%x3, %w3 : tensor<16x40xf32>, tensor<40x56xf32>) outs(%f3 : tensor<16x56xf32>) -> tensor<16x56xf32>
  %x4 = math.tanh %y3 : tensor<16x56xf32>
  %e4 = tensor.empty() : tensor<16x40xf32>
  %f4 = linalg.fill ins(%z : f32) outs(%e4 : tensor<16x40xf32>) -> tensor<16x40xf32>
  %y4 = linalg.matmul ins(%x4, %w4 : tensor<16x56xf32>, tensor<56x40xf32>) outs(%f4 : tensor<16x40xf32>) -> tensor<16x40xf32>
  %x5 = arith.addf %y4, %x3 : tensor<16x40xf32>
  %e5 = tensor.empty() : tensor<16x24xf32>
  %f5 = linalg.fill ins(%z : f32) outs(%e5 : tensor<16x24xf32>) -> tensor<16x24xf32>
  %y5 = linalg.matmul ins(%x5, %w5 : tensor<16x40xf32>, tensor<40x24xf32>) outs(%f5 : tensor<16x24xf32>) -> tensor<16x24xf32>
  %x6 = math.tanh %y5 : tensor<16x24xf32>
  %e6 = tensor.empty() : tensor<16x40xf32>
  %f6 = linalg.fill ins(%z : f32) outs(%e6 : tensor<16x40xf32>) -> tensor<16x40xf32>
  %y6 = linalg.matmul ins(%x6, %w6 : tensor<16x24xf32>, tensor<24x40xf32>) outs(%f6 : tensor<16x40xf32>) -> tensor<16x40xf32>
  %x7 = arith.addf %y6, %x5 : tensor<16x40xf32>
  %e7 = tensor.empty() : tensor<16x16xf32>
  %f7 = linalg.fill ins(%z : f32) outs(%e7 : tensor<16x16xf32>) -> tensor<16x16xf32>
  %y7 = linalg.matmul ins(%x7, %w7 : tensor<16x40xf32>, tensor<40x16xf32>) outs(%f7 : tensor<16x16xf32>) -> tensor<16x16xf32>
  %x8 = math.tanh %y7 : tensor<16x16xf32>
  return %x8 : tensor<16x16xf32>
}
func.func @decode(%x0: tensor<8x16xf32>, %w0: tensor<16x24xf32>, %w1: tensor<24x12xf32>, %w2: tensor<12x24xf32>, %w3: tensor<24x40xf32>) -> tensor<8x40xf32> {
  %z = arith.constant 0.0 : f32
  %e0 = tensor.empty() : tensor<8x24xf32>
  %f0 = linalg.fill ins(%z : f32) outs(%e0 : tensor<8x24xf32>) -> tensor<8x24xf32>
  %y0 = linalg.matmul ins(%x0, %w0 : tensor<8x16xf32>, tensor<16x24xf32>) outs(%f0 : tensor<8x24xf32>) -> tensor<8x24xf32>
  %x1 = math.tanh %y0 : tensor<8x24xf32>
  %e1 = tensor.empty() : tensor<8x12xf32>
  %f1 = linalg.fill ins(%z : f32) outs(%e1 : tensor<8x12xf32>) -> tensor<8x12xf32>
  %y1 = linalg.matmul ins(%x1, %w1 : tensor<8x24xf32>, tensor<24x12xf32>) outs(%f1 : tensor<8x12xf32>) -> tensor<8x12xf32>
  %x2 = math.tanh %y1 : tensor<8x12xf32>
  %e2 = tensor.empty() : tensor<8x24xf32>
  %f2 = linalg.fill ins(%z : f32) outs(%e2 : tensor<8x24xf32>) -> tensor<8x24xf32>
  %y2 = linalg.matmul ins(%x2, %w2 : tensor<8x12xf32>, tensor<12x24xf32>) outs(%f2 : tensor<8x24xf32>) -> tensor<8x24xf32>
  %x3 = arith.addf %y2, %x1 : tensor<8x24xf32>
  %e3 = tensor.empty() : tensor<8x40xf32>
  %f3 = linalg.fill ins(%z : f32) outs(%e3 : tensor<8x40xf32>) -> tensor<8x40xf32>
  %y3 = linalg.matmul ins(%x3, %w3 : tensor<8x24xf32>, tensor<24x40xf32>) outs(%f3 : tensor<8x40xf32>) -> tensor<8x40xf32>
  %x4 = math.tanh %y3 : tensor<8x40xf32>
  return %x4 : tensor<8x40xf32>
}

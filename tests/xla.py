"""A program as XLA prints it, small enough to count by hand.

Two devices. A loop of 5 rounds: each takes a layer's [4, 8] of a stack of 5, multiplies, sums over the
devices and writes the result into another stack. Then a matrix is gathered; and a fusion keeps its result
on the chip.
"""

TEXT = """
HloModule jit_step, is_scheduled=true

%add (a: f32[], b: f32[]) -> f32[] {
  %a = f32[] parameter(0)
  %b = f32[] parameter(1)
  ROOT %sum = f32[] add(%a, %b)
}

%inner (p: f32[5,4,8], i: s32[]) -> f32[1,4,8] {
  %p = f32[5,4,8]{2,1,0} parameter(0)
  %i = s32[] parameter(1)
  %zero = s32[] constant(0)
  ROOT %slice = f32[1,4,8]{2,1,0} dynamic-slice(%p, %i, %zero, %zero), dynamic_slice_sizes={1,4,8}
}

%multiply (stack: f32[5,4,8], i: s32[], x: bf16[4,8]) -> f32[4,8] {
  %stack = f32[5,4,8]{2,1,0:T(8,128)} parameter(0)
  %i = s32[] parameter(1)
  %x = bf16[4,8]{1,0} parameter(2)
  %layer = f32[1,4,8]{2,1,0} fusion(%stack, %i), kind=kLoop, calls=%inner
  %flat = f32[4,8]{1,0} bitcast(%layer)
  %wide = f32[4,8]{1,0} convert(%x)
  ROOT %product = f32[4,8]{1,0} multiply(%flat, %wide)
}

%write (out: f32[5,4,8], y: f32[1,4,8], i: s32[]) -> f32[5,4,8] {
  %out = f32[5,4,8]{2,1,0} parameter(0)
  %y = f32[1,4,8]{2,1,0} parameter(1)
  %i = s32[] parameter(2)
  %zero = s32[] constant(0)
  ROOT %written = f32[5,4,8]{2,1,0} dynamic-update-slice(%out, %y, %i, %zero, %zero)
}

%body (state: (s32[], f32[5,4,8], bf16[4,8], f32[5,4,8])) -> (s32[], f32[5,4,8], bf16[4,8], f32[5,4,8]) {
  %state = (s32[], f32[5,4,8]{2,1,0}, bf16[4,8]{1,0}, /*index=3*/f32[5,4,8]{2,1,0}) parameter(0)
  %round = s32[] get-tuple-element(%state), index=0
  %stack = f32[5,4,8]{2,1,0} get-tuple-element(%state), index=1
  %x = bf16[4,8]{1,0:T(8,128)(2,1)} get-tuple-element(%state), index=2
  %out = f32[5,4,8]{2,1,0} get-tuple-element(%state), index=3
  %y = f32[4,8]{1,0} fusion(%stack, %round, %x), kind=kLoop, calls=%multiply
  %all = f32[4,8]{1,0} all-reduce(%y), channel_id=1, replica_groups={{0,1}}, to_apply=%add
  %row = f32[1,4,8]{2,1,0} bitcast(%all)
  %next = f32[5,4,8]{2,1,0} fusion(%out, %row, %round), kind=kLoop, calls=%write
  %one = s32[] constant(1)
  %after = s32[] add(%round, %one)
  ROOT %end = (s32[], f32[5,4,8], bf16[4,8], f32[5,4,8]) tuple(%after, %stack, %x, %next)
}

%condition (state: (s32[], f32[5,4,8], bf16[4,8], f32[5,4,8])) -> pred[] {
  %state = (s32[], f32[5,4,8]{2,1,0}, bf16[4,8]{1,0}, f32[5,4,8]{2,1,0}) parameter(0)
  %round = s32[] get-tuple-element(%state), index=0
  %rounds = s32[]{:T(128)} constant(5)
  ROOT %more = pred[] compare(%round, %rounds), direction=LT
}

%double (w: f32[8,8]) -> f32[8,8] {
  %w = f32[8,8]{1,0} parameter(0)
  ROOT %twice = f32[8,8]{1,0} add(%w, %w)
}

ENTRY %main (stack: f32[5,4,8], x: bf16[4,8], out: f32[5,4,8], w: f32[4,8]) -> (f32[5,4,8], f32[8,8]) {
  %stack = f32[5,4,8]{2,1,0} parameter(0)
  %x = bf16[4,8]{1,0} parameter(1)
  %out = f32[5,4,8]{2,1,0} parameter(2)
  %w = f32[4,8]{1,0} parameter(3)
  %zero = s32[] constant(0)
  %begin = (s32[], f32[5,4,8], bf16[4,8], f32[5,4,8]) tuple(%zero, %stack, %x, %out)
  %loop = (s32[], f32[5,4,8], bf16[4,8], f32[5,4,8]) while(%begin), condition=%condition, body=%body
  %result = f32[5,4,8]{2,1,0} get-tuple-element(%loop), index=3
  %gather = (f32[4,8]{1,0}, f32[8,8]{1,0}) all-gather-start(%w), channel_id=2, replica_groups=[1,2]<=[2]
  %whole = f32[8,8]{1,0} all-gather-done(%gather)
  %near = f32[8,8]{1,0:T(8,128)S(1)} fusion(%whole), kind=kLoop, calls=%double
  %copy = (f32[8,8]{1,0}, f32[8,8]{1,0:T(8,128)S(1)}, u32[]) copy-start(%near)
  %far = f32[8,8]{1,0} copy-done(%copy)
  ROOT %results = (f32[5,4,8], f32[8,8]) tuple(%result, %far)
}
"""

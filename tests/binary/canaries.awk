# Reads a program's disassembly (objdump -d --no-show-raw-insn, stripped or not) and counts the
# calls of the function that ends the program when the stack protector finds its canary
# changed. Of the functions that have a trap within their first NEAR instructions, it is the
# one with the most calls: most functions that have an array call it.
BEGIN { FS = "\t" }
/^ *[0-9a-f]+:/ {
	split($2 " " $3, word, /[ ,]+/)
	here = $1
	gsub(/[ :]/, "", here)
	for (i = near; i > 1; i--)
		last[i] = last[i - 1]
	last[1] = here
}
word[1] ~ /^(hlt|brk|udf|ebreak|ud2)$/ {
	for (i in last)
		traps[last[i]] = 1
}
word[1] ~ /^(callq?|blx?|jal)$/ {
	there = word[2] == "ra" ? word[3] : word[2]
	sub(/^0x/, "", there)
	calls[there]++
}
END {
	for (f in calls)
		if (f in traps && calls[f] > most)
			most = calls[f]
	print most + 0
}

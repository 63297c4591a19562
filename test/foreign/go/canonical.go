package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"sort"
	"strconv"
	"strings"
	"unicode/utf16"
)

const safeInteger = 1<<53 - 1

// canonical writes a decoded JSON value by RFC 8785, as far as entries use it: no null, no empty string, whole numbers.
func canonical(value any) (string, error) {
	switch value := value.(type) {
	case bool:
		return strconv.FormatBool(value), nil
	case json.Number:
		number, err := strconv.ParseInt(value.String(), 10, 64)
		if err != nil || number < -safeInteger || number > safeInteger {
			return "", fmt.Errorf("%s is no integer of an entry", value)
		}
		return strconv.FormatInt(number, 10), nil
	case string:
		if value == "" {
			return "", fmt.Errorf("an empty string")
		}
		return canonicalString(value), nil
	case []any:
		var items []string
		for _, item := range value {
			text, err := canonical(item)
			if err != nil {
				return "", err
			}
			items = append(items, text)
		}
		return "[" + strings.Join(items, ",") + "]", nil
	case map[string]any:
		return canonicalObject(value)
	}
	return "", fmt.Errorf("null")
}

func canonicalObject(object map[string]any) (string, error) {
	var keys []string
	for key := range object {
		keys = append(keys, key)
	}
	sort.Slice(keys, func(i, j int) bool {
		return slices.Compare(utf16.Encode([]rune(keys[i])), utf16.Encode([]rune(keys[j]))) < 0
	})
	var members []string
	for _, key := range keys {
		text, err := canonical(object[key])
		if err != nil {
			return "", fmt.Errorf("%s: %w", key, err)
		}
		members = append(members, canonicalString(key)+":"+text)
	}
	return "{" + strings.Join(members, ",") + "}", nil
}

func canonicalString(text string) string {
	var out strings.Builder
	out.WriteByte('"')
	for _, char := range text {
		switch {
		case char == '"' || char == '\\':
			out.WriteByte('\\')
			out.WriteRune(char)
		case char >= 0x20:
			out.WriteRune(char)
		case strings.ContainsRune("\b\t\n\f\r", char):
			out.WriteByte('\\')
			out.WriteByte("btn_fr"[char-'\b'])
		default:
			fmt.Fprintf(&out, "\\u%04x", char)
		}
	}
	out.WriteByte('"')
	return out.String()
}

// decodeCanonical refuses all bytes that canonical would not write: a doubled key, a space, another spelling.
func decodeCanonical(data []byte) (map[string]any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var object map[string]any
	if err := decoder.Decode(&object); err != nil {
		return nil, err
	}
	text, err := canonical(object)
	if err != nil {
		return nil, err
	}
	if text != string(data) {
		return nil, fmt.Errorf("not canonical JSON")
	}
	return object, nil
}

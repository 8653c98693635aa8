include $(sort $(wildcard $(BR2_EXTERNAL_ATTESTD_PATH)/package/*/*.mk))
